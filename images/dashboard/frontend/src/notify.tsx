// Browser notifications when a report of this visitor is done. Off until the switch is used; nothing asks before that.
import { type JSX, useSyncExternalStore } from "react";
import type { ReportData } from "./api";
import { FINISHED } from "./format";
import { toReport } from "./router";

const KEY = "ert-notify";
const MOST = 50;
const RESULTS: Record<string, string> = {
  completed: "The report is complete.",
  failed: "The report could not be written.",
  aborted: "The report was stopped.",
};

/** The reports that were asked for here and are not finished; null while the switch is off. */
let watched: string[] | null = load();
const listeners = new Set<() => void>();

function load(): string[] | null {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(KEY) ?? "null");
    return Array.isArray(found) ? found.filter((id) => typeof id === "string").slice(-MOST) : null;
  } catch {
    return null;
  }
}

function keep(ids: string[] | null): void {
  watched = ids;
  try {
    if (ids === null) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, JSON.stringify(ids));
  } catch {
    // Storage is switched off: the choice lasts as long as the page.
  }
  for (const listener of listeners) listener();
}

export const supported = (): boolean => "Notification" in window;
const allowed = (): boolean => supported() && Notification.permission === "granted";

/** Whether a report is waited for: a page that is not looked at has to go on asking then. */
export const expects = (): boolean => allowed() && watched !== null && watched.length > 0;

/** Have the end of a report told, if the switch is on. */
export function watch(id: string): void {
  if (watched !== null && !watched.includes(id)) keep([...watched, id].slice(-MOST));
}

/** Tell of the reports that have ended since. */
export function tell(found: readonly ReportData[]): void {
  if (watched === null) return;
  const ended = found.filter((data) => watched?.includes(data.report_id) && FINISHED.has(data.status));
  if (ended.length === 0) return;
  keep(watched.filter((id) => !ended.some((data) => data.report_id === id)));
  if (allowed()) for (const data of ended) show(data);
}

function show(data: ReportData): void {
  try {
    const shown = new Notification(`${data.ticker} ${data.company}`, {
      body: RESULTS[data.status] ?? "",
      tag: data.report_id,
      icon: "/static/icon.svg",
    });
    shown.onclick = () => {
      window.focus();
      location.hash = toReport(data.report_id);
      shown.close();
    };
  } catch {
    // Some phones have the interface and allow it to service workers only.
  }
}

/** Switch them on, which has the browser ask once, or off. */
async function change(on: boolean, report: string | null): Promise<void> {
  if (!on) return keep(null);
  if ((await Notification.requestPermission()) === "granted") keep(report === null ? [] : [report]);
  else for (const listener of listeners) listener();
}

/** The switch; `report` is the one on this screen, if it is not finished. */
export function NotifySwitch({ report }: { report: string | null }): JSX.Element | null {
  const state = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () =>
      !supported()
        ? "none"
        : Notification.permission === "denied"
          ? "denied"
          : watched !== null && allowed()
            ? "on"
            : "off",
  );
  if (state === "none") return null;
  return (
    <label className="notify">
      <input
        type="checkbox"
        checked={state === "on"}
        disabled={state === "denied"}
        onChange={(event) => void change(event.target.checked, report)}
      />
      {state === "denied" ? "This browser blocks notifications of this site" : "Notify me when a report is done"}
    </label>
  );
}
