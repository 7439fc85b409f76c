// Small pieces that several screens share: notices, a report in a list, the state of the machine, a heading that takes focus.
import { type JSX, type ReactNode, useEffect, useRef } from "react";
import type { Deployment, ReportData } from "./api";
import { FINISHED, sentence, when } from "./format";
import { toReport } from "./router";

export function Notice({
  tone,
  title,
  children,
}: {
  tone: "bad" | "info";
  title: string;
  children?: ReactNode;
}): JSX.Element {
  return (
    <div className={`notice ${tone}`} role={tone === "bad" ? "alert" : undefined}>
      <strong>{title}</strong>
      {children ? <> {children}</> : null}
    </div>
  );
}

/** The screen's heading and the page's title. Takes the focus when the screen was reached from another one. */
export function Title({ children, page, focus }: { children: ReactNode; page: string; focus: boolean }): JSX.Element {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${page} \u00b7 ERT equity research`;
  }, [page]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: only on arrival, not when the heading changes its words
  useEffect(() => {
    if (focus) heading.current?.focus();
  }, []);
  return (
    <h1 ref={heading} tabIndex={-1}>
      {children}
    </h1>
  );
}

const SHORT: Record<string, string> = {
  queued: "In the queue",
  fetching_data: "Collecting",
  preparing_data: "Waiting for the machine",
  generating_sections: "Writing",
  finalizing: "Checking",
  completed: "Complete",
  failed: "Failed",
  aborting: "Stopping",
  aborted: "Stopped",
};

export function ReportList({ reports }: { reports: readonly ReportData[] }): JSX.Element {
  return (
    <ul className="reports">
      {reports.map((data) => (
        <ReportRow key={data.report_id} data={data} />
      ))}
    </ul>
  );
}

function ReportRow({ data }: { data: ReportData }): JSX.Element {
  const running = !FINISHED.has(data.status);
  return (
    <li>
      <a href={toReport(data.report_id)}>
        <span className="ticker">{data.ticker}</span>
        <span className="company">{data.company}</span>
        <time dateTime={data.created}>{when(data.created)}</time>
        <span className="badge" data-status={data.status}>
          {SHORT[data.status] ?? data.status}
          {running ? ` ${data.progress} %` : ""}
        </span>
      </a>
    </li>
  );
}

export const MACHINE: Record<string, string> = {
  ready: "Backend ready",
  asleep: "Backend asleep",
  unreachable: "Backend unreachable",
  gone: "Machine gone",
  waking: "Backend waking",
  booting: "Backend booting",
  failed: "Backend failed",
  draining: "Backend draining",
  not_configured: "No backend",
};

/** A line of ours in which `a command` stands between backquotes. */
export const Said = ({ text }: { text: string }): JSX.Element => (
  <>{text.split("`").map((part, index) => (index % 2 === 1 ? <code key={index}>{part}</code> : part))}</>
);

/** The machine's state as a dot and two words; leads to the status page. */
export function MachineState({ machine }: { machine: Deployment | null | "lost" }): JSX.Element {
  const state = machine === null ? "asking" : machine === "lost" ? "lost" : machine.state;
  const text =
    state === "asking"
      ? "Asking the backend"
      : state === "lost"
        ? "Dashboard not reached"
        : (MACHINE[state] ?? sentence(state));
  return (
    <a className="machine" href="#/status" data-state={state}>
      <span className="dot" aria-hidden="true" />
      {text}
    </a>
  );
}

export function Loading({ lines = 3 }: { lines?: number }): JSX.Element {
  return (
    <div className="skeleton" aria-hidden="true">
      {Array.from({ length: lines }, (_, index) => (
        <span key={index} />
      ))}
    </div>
  );
}
