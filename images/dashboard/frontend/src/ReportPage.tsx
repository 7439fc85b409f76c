// One report, from the queue to the text: progress while it is written, sections as they come, then the whole of it.
import { type JSX, useEffect, useRef, useState } from "react";
import { announce } from "./announce";
import type { Deployment, FullReport, ReportData } from "./api";
import { fetchReport, Refused } from "./client";
import { Finished } from "./Finished";
import { FINISHED, sentence } from "./format";
import { learn, useKnown } from "./live";
import { Loading, Notice, Title } from "./parts";
import { announcement, stageOf } from "./stage";
import { Writing } from "./Writing";

interface Loaded {
  full: FullReport | null;
  problem: "missing" | "lost" | null;
}

/** The report and its text so far; asked for again whenever an event says that there is more. */
function useReport(id: string, data: ReportData | undefined, epoch: number): Loaded {
  const [loaded, setLoaded] = useState<Loaded>({ full: null, problem: null });
  const version = `${data?.status === "completed"} ${FINISHED.has(data?.status ?? "")} ${data?.sections_done ?? 0} ${epoch}`;
  // biome-ignore lint/correctness/useExhaustiveDependencies: version asks again
  useEffect(() => {
    let gone = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = () => {
      const asked = performance.now();
      fetchReport(id)
        .then((full) => {
          learn([full.data], asked);
          if (!gone) setLoaded({ full, problem: null });
        })
        .catch((error: unknown) => {
          if (gone) return;
          const missing = error instanceof Refused && error.status === 404;
          setLoaded((before) => ({ full: before.full, problem: missing ? "missing" : "lost" }));
          if (!missing) timer = setTimeout(ask, 3000);
        });
    };
    ask();
    return () => {
      gone = true;
      clearTimeout(timer);
    };
  }, [id, version]);
  return loaded;
}

export function ReportPage({
  id,
  focus,
  machine,
}: {
  id: string;
  focus: boolean;
  machine: Deployment | null;
}): JSX.Element {
  const { reports, epoch } = useKnown();
  const live = reports.get(id);
  const { full, problem } = useReport(id, live, epoch);
  const data = live ?? full?.data;
  const stage = data === undefined ? null : stageOf(data, machine);
  const words = data === undefined || stage === null ? "" : announcement(data, stage);
  const first = useRef(true);
  // biome-ignore lint/correctness/useExhaustiveDependencies: only changed words are news
  useEffect(() => {
    // The state a finished report is opened in is on the page; only changes are news.
    if (words !== "" && !(first.current && data !== undefined && FINISHED.has(data.status))) announce(words);
    if (words !== "") first.current = false;
  }, [words]);
  if (problem === "missing") {
    return (
      <section>
        <Title page="No such report" focus={focus}>
          No such report
        </Title>
        <p className="lead">It may have been removed to make room for newer ones.</p>
        <p>
          <a href="#/history">All reports</a>
        </p>
      </section>
    );
  }
  return (
    <article className="report">
      <header className="report-head">
        <p className="crumb">
          <a href="#/history">Reports</a>
        </p>
        <Title page={data === undefined ? "Report" : `${data.ticker} ${data.company}`} focus={focus}>
          {data === undefined ? (
            "Report"
          ) : (
            <>
              <span>{data.company}</span> <span className="ticker">{data.ticker}</span>
            </>
          )}
        </Title>
        {data === undefined ? null : <p className="label">{sentence(data.data_label)}</p>}
      </header>
      {problem === "lost" && full === null ? (
        <Notice tone="bad" title="The dashboard does not answer.">
          The report is asked for again by itself.
        </Notice>
      ) : null}
      {data === undefined || stage === null ? (
        <Loading lines={8} />
      ) : full?.report ? (
        <Finished data={data} full={full} report={full.report} rate={machine} />
      ) : (
        <Writing data={data} stage={stage} draft={full?.draft ?? {}} machine={machine} />
      )}
    </article>
  );
}
