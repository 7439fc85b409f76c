// All reports that are kept, newest first, with a filter.
import { type JSX, useEffect, useState } from "react";
import { fetchReports } from "./client";
import { learn, useKnown } from "./live";
import { Loading, Notice, ReportList, Title } from "./parts";

const MOST = 200;
const GROUPS: Record<string, (status: string) => boolean> = {
  all: () => true,
  complete: (status) => status === "completed",
  open: (status) => !["completed", "failed", "aborted"].includes(status),
  unfinished: (status) => status === "failed" || status === "aborted",
};
const NAMES: Record<string, string> = {
  all: "All",
  complete: "Complete",
  open: "Under way",
  unfinished: "Failed or stopped",
};

export function History({ focus }: { focus: boolean }): JSX.Element {
  const { reports, epoch } = useKnown();
  const [state, setState] = useState<"loading" | "there" | "lost">("loading");
  const [text, setText] = useState("");
  const [group, setGroup] = useState("all");
  // biome-ignore lint/correctness/useExhaustiveDependencies: epoch asks again
  useEffect(() => {
    const asked = performance.now();
    fetchReports(MOST)
      .then((answer) => {
        learn(answer.reports, asked);
        setState("there");
      })
      .catch(() => setState("lost"));
  }, [epoch]);
  const needle = text.trim().toLowerCase();
  const wanted = GROUPS[group] ?? (() => true);
  const all = [...reports.values()].sort((one, other) => (one.created < other.created ? 1 : -1));
  const shown = all.filter(
    (data) => wanted(data.status) && `${data.ticker} ${data.company}`.toLowerCase().includes(needle),
  );
  return (
    <section>
      <Title page="History" focus={focus}>
        Reports
      </Title>
      <p className="lead">
        Everything this dashboard keeps, newest first.{" "}
        <a href="/api/export" download="reports.ndjson">
          Export all
        </a>
      </p>
      <div className="filters">
        <label>
          Filter
          <input
            type="search"
            value={text}
            placeholder="Ticker or company"
            onChange={(event) => setText(event.target.value)}
          />
        </label>
        <label>
          State
          <select value={group} onChange={(event) => setGroup(event.target.value)}>
            {Object.keys(GROUPS).map((name) => (
              <option key={name} value={name}>
                {NAMES[name]}
              </option>
            ))}
          </select>
        </label>
      </div>
      <p className="fine" role="status">
        {state === "there" ? `${shown.length} of ${all.length} reports` : ""}
      </p>
      {state === "lost" ? (
        <Notice tone="bad" title="The dashboard does not answer.">
          The list is tried again when the connection is back.
        </Notice>
      ) : null}
      {state === "loading" ? (
        <Loading lines={5} />
      ) : shown.length > 0 ? (
        <ReportList reports={shown} />
      ) : state === "there" ? (
        <p className="empty">
          {all.length === 0 ? (
            <>
              No report has been asked for yet. <a href="#/">Ask for the first one.</a>
            </>
          ) : (
            "No report matches this filter."
          )}
        </p>
      ) : null}
    </section>
  );
}
