// What the page knows, kept up to date: Socket.IO under the dashboard's event names, polling while that is down.
// The truth is with the REST calls; an event only says that something changed. One that was lost is made up for by a
// slow poll, which goes on while the page is live.
import { useEffect, useState, useSyncExternalStore } from "react";
import { io } from "socket.io-client";
import type { Deployment, ReportCompleted, ReportData, ReportUpdate, StatusUpdate } from "./api";
import { fetchDeployment, fetchStatus } from "./client";
import { expects, tell } from "./notify";

/** "delayed": connected, but the dashboard itself hears late of what its other processes do. */
export type Connection = "connecting" | "live" | "delayed" | "polling";
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
const SLOW_POLL_MS = 15_000;
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
  tell(found);
}

/** What an event told, which is newer than any answer that is still on its way. */
export function hear(found: readonly ReportData[]): void {
  const now = performance.now();
  for (const data of found) heard.set(data.report_id, now);
  learn(found, now);
}

/** Remove a report that the dashboard has deleted. */
export function forget(id: string): void {
  const reports = new Map(known.reports);
  reports.delete(id);
  change({ reports });
}

let connected = false;

/** What the dashboard says of itself, in an event or an answer. */
function state(body: StatusUpdate): void {
  const delayed = body.updates === "delayed";
  change({
    configuration: { usable: body.configuration === "complete", problem: body.problem },
    ...(connected ? { connection: delayed ? ("delayed" as const) : ("live" as const) } : {}),
  });
}

let polled = -Infinity;

/** Ask for the state; while the page is live only now and then. */
export async function poll(): Promise<void> {
  const asked = performance.now();
  if ((document.hidden && !expects()) || (known.connection === "live" && asked - polled < SLOW_POLL_MS)) return;
  polled = asked;
  try {
    const body = await fetchStatus();
    state(body);
    learn(body.reports, asked);
  } catch {
    // The next round asks again; the page says that it is not live.
  }
}

function link(up: boolean): void {
  connected = up;
  change(up ? { connection: "live", epoch: known.epoch + 1 } : { connection: "polling" });
}

/** Begin to listen; called once. */
export function connect(): void {
  // No long polling: its requests could reach different processes. Where WebSockets do not pass, the page polls.
  const socket = io({ transports: ["websocket"], reconnectionDelay: 500, reconnectionDelayMax: 8000 });
  socket.on("connect", () => link(true));
  socket.on("disconnect", () => link(false));
  socket.on("connect_error", () => link(false));
  socket.on("status_update", (body: StatusUpdate) => {
    state(body);
    hear(body.reports);
  });
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
