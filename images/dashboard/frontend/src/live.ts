// What the page knows, kept up to date: Socket.IO under the dashboard's event names, polling while that is down.
// The truth is with the REST calls; an event only says that something changed.
import { useEffect, useState, useSyncExternalStore } from "react";
import { io } from "socket.io-client";
import type { Deployment, ReportCompleted, ReportData, ReportUpdate, StatusUpdate } from "./api";
import { fetchDeployment, fetchReports } from "./client";

export type Connection = "connecting" | "live" | "polling";
export interface Known {
  reports: ReadonlyMap<string, ReportData>;
  connection: Connection;
  /** null until the dashboard has answered once. */
  configuration: { usable: boolean; problem: string | null } | null;
  loaded: boolean;
  /** Grows with each new connection: what was missed has to be asked for. */
  epoch: number;
}

const POLL_MS = 3000;
let known: Known = { reports: new Map(), connection: "connecting", configuration: null, loaded: false, epoch: 0 };
const listeners = new Set<() => void>();

function change(part: Partial<Known>): void {
  known = { ...known, ...part };
  for (const listener of listeners) listener();
}

/** When an event last told of a report, on the page's own clock. */
const heard = new Map<string, number>();

/** An answer to a question asked at `asked` is older than an event that came in the meantime, which then counts. */
export function learn(found: readonly ReportData[], asked: number): void {
  const reports = new Map(known.reports);
  for (const data of found) {
    if ((heard.get(data.report_id) ?? -Infinity) <= asked) reports.set(data.report_id, data);
  }
  change({ reports, loaded: true });
}

/** What an event told, which is newer than any answer that is still on its way. */
export function hear(found: readonly ReportData[]): void {
  const now = performance.now();
  for (const data of found) heard.set(data.report_id, now);
  learn(found, now);
}

function status(body: StatusUpdate): void {
  change({ configuration: { usable: body.configuration === "complete", problem: body.problem } });
  hear(body.reports);
}

async function poll(): Promise<void> {
  if (known.connection === "live" || document.hidden) return;
  const asked = performance.now();
  try {
    learn((await fetchReports(20)).reports, asked);
  } catch {
    // The next round asks again; the page says that it is not live.
  }
}

/** Begin to listen; called once. */
export function connect(): void {
  const socket = io({ transports: ["websocket", "polling"], reconnectionDelay: 500, reconnectionDelayMax: 8000 });
  socket.on("connect", () => change({ connection: "live", epoch: known.epoch + 1 }));
  socket.on("disconnect", () => change({ connection: "polling" }));
  socket.on("connect_error", () => change({ connection: "polling" }));
  socket.on("status_update", status);
  socket.on("report_update", (body: ReportUpdate) => hear([body.data]));
  socket.on("report_completed", (body: ReportCompleted) => hear([body.data]));
  setInterval(() => void poll(), POLL_MS);
  document.addEventListener("visibilitychange", () => void poll());
}

export function useKnown(): Known {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => known,
  );
}

/** The machine, asked for every few seconds while the page is looked at; "lost" when the dashboard does not answer. */
export function useDeployment(everyMs: number): Deployment | null | "lost" {
  const [machine, setMachine] = useState<Deployment | null | "lost">(null);
  useEffect(() => {
    let gone = false;
    const ask = async () => {
      if (document.hidden) return;
      const found = await fetchDeployment().catch(() => "lost" as const);
      if (!gone) setMachine(found);
    };
    void ask();
    const timer = setInterval(() => void ask(), everyMs);
    return () => {
      gone = true;
      clearInterval(timer);
    };
  }, [everyMs]);
  return machine;
}

/** The time in milliseconds, once a second while `running`. */
export function useNow(running: boolean): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (!running) return;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [running]);
  return now;
}
