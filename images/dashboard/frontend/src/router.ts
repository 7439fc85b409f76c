// Four screens behind the fragment of the address, so that every screen can be linked and the server has one page.
import { useSyncExternalStore } from "react";

export type Route =
  | { screen: "home" }
  | { screen: "report"; id: string }
  | { screen: "history" }
  | { screen: "status" }
  | { screen: "lost" };

const REPORT = /^[A-Za-z0-9_-]{1,64}$/;

export function route(fragment: string): Route {
  const path = fragment.replace(/^#\/?/, "").replace(/\/$/, "");
  if (path === "") return { screen: "home" };
  if (path === "history" || path === "status") return { screen: path };
  const id = path.replace(/^report\//, ""); // links of the earlier page had the bare id
  return REPORT.test(id) ? { screen: "report", id } : { screen: "lost" };
}

export const toReport = (id: string): string => `#/report/${id}`;

export function go(fragment: string): void {
  window.location.hash = fragment;
}

export function useRoute(): Route {
  const fragment = useSyncExternalStore(
    (listener) => {
      window.addEventListener("hashchange", listener);
      return () => window.removeEventListener("hashchange", listener);
    },
    () => window.location.hash,
  );
  return route(fragment);
}
