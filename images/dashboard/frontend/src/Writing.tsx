// A report under way (or ended without a text): the steps, time and cost so far, the sections that are there, and Stop.
import { type JSX, useState } from "react";
import type { Deployment, Generated, ReportData } from "./api";
import { Confirm } from "./Confirm";
import { generate, resume, stop } from "./client";
import { dollars, FINISHED, known, NOT_KNOWN, sectionTitle, sentence, span } from "./format";
import { Icon } from "./Icon";
import { useKnown, useNow } from "./live";
import { Markdown } from "./Markdown";
import { NotifySwitch } from "./notify";
import { Notice } from "./parts";
import { Remove } from "./Remove";
import { go, toReport } from "./router";
import { costSoFar, elapsed, STEPS, type Stage, secondsLeft } from "./stage";
import { WakeCard } from "./WakeCard";
import { needsButton } from "./wake";

interface Props {
  data: ReportData;
  stage: Stage;
  draft: Record<string, string>;
  machine: Deployment | null;
}

export function Writing({ data, stage, draft, machine }: Props): JSX.Element {
  const over = FINISHED.has(data.status);
  const sections = Object.entries(draft);
  return (
    <>
      <section className="progress-card" data-tone={stage.tone} aria-label="Progress">
        {over ? null : <Steps stage={stage} />}
        <div className="head">
          <div>
            <p className="stage" data-tone={stage.tone}>
              {stage.title}
            </p>
            <p className="stage-detail">{sentence(stage.detail)}</p>
            {stage.figures === "" ? null : <p className="fine">{stage.figures}</p>}
          </div>
          {over ? (
            <div className="buttons">
              <Again data={data} resumable={sections.length > 0} />
              <Remove data={data} />
            </div>
          ) : (
            <Stop data={data} />
          )}
        </div>
        {over ? null : <progress max={100} value={data.progress} aria-label="Report progress" />}
        {stage.download === null ? null : (
          <progress
            className="thin"
            max={stage.download.total}
            value={stage.download.completed}
            aria-label="Model download"
          />
        )}
        <Numbers data={data} machine={machine} />
        {stage.step === "machine" && needsButton(machine) ? <WakeCard machine={machine} /> : null}
        {over ? null : <NotifySwitch report={data.report_id} />}
        <Offline />
      </section>
      {over && sections.length > 0 ? (
        <Notice tone="info" title="Not complete.">
          These sections had been written when the report ended. The rest can be written without them.
        </Notice>
      ) : null}
      <div className="prose">
        {sections.map(([name, text]) => (
          <section key={name} className="appearing">
            <h2>{sectionTitle(name)}</h2>
            <Markdown text={text} />
          </section>
        ))}
        {over ? null : <Pending data={data} shown={sections.length} />}
      </div>
    </>
  );
}

function Steps({ stage }: { stage: Stage }): JSX.Element {
  const at = STEPS.findIndex(({ step }) => step === stage.step);
  return (
    <ol className="steps">
      {STEPS.map(({ step, label }, index) => {
        const state = index < at ? "past" : index === at ? "now" : "next";
        return (
          <li key={step} data-state={state} aria-current={state === "now" ? "step" : undefined}>
            <span className="mark" aria-hidden="true">
              {state === "past" ? <Icon name="check" /> : null}
            </span>
            {label}
          </li>
        );
      })}
    </ol>
  );
}

function Numbers({ data, machine }: { data: ReportData; machine: Deployment | null }): JSX.Element {
  const now = useNow(!FINISHED.has(data.status));
  const left = secondsLeft(data, now);
  const cost = costSoFar(data, machine, now);
  return (
    <dl className="numbers">
      <div>
        <dt>Elapsed</dt>
        <dd>{span(elapsed(data, now))}</dd>
      </div>
      {data.status === "queued" ? (
        <div>
          <dt>Before this one</dt>
          <dd>{known(data.queue_position, String)}</dd>
        </div>
      ) : null}
      {FINISHED.has(data.status) ? null : (
        <div>
          <dt>Still to go</dt>
          <dd>{left === null ? NOT_KNOWN : `about ${span(left)}`}</dd>
        </div>
      )}
      <div>
        <dt>Machine cost so far</dt>
        <dd>
          {data.accepted_time === null ? (FINISHED.has(data.status) ? "none" : "none yet") : known(cost, dollars)}
        </dd>
      </div>
      <div>
        <dt>Sections</dt>
        <dd>
          {data.sections_done} of {data.sections_total}
        </dd>
      </div>
    </dl>
  );
}

function Offline(): JSX.Element | null {
  const { connection } = useKnown();
  if (connection !== "polling" && connection !== "delayed") return null;
  return (
    <p className="fine" role="status">
      {connection === "polling"
        ? "Live updates are interrupted. The report goes on; the page is tried again every few seconds."
        : "Live updates are delayed. The report goes on; its state is asked for every few seconds."}
    </p>
  );
}

function Pending({ data, shown }: { data: ReportData; shown: number }): JSX.Element | null {
  const left = Math.max(0, data.sections_total - shown);
  if (left === 0) return null;
  return (
    <div className="pending" aria-hidden="true">
      {Array.from({ length: left }, (_, index) => (
        <div
          key={index}
          className="skeleton"
          data-now={
            index === 0 && data.status === "generating_sections" && data.queue_position === null ? "" : undefined
          }
        >
          <b />
          <span />
          <span />
          <span />
        </div>
      ))}
    </div>
  );
}

function Again({ data, resumable }: { data: ReportData; resumable: boolean }): JSX.Element {
  const [problem, setProblem] = useState("");
  const ask = (request: Promise<Generated>) => {
    request
      .then(({ report_id }) => go(toReport(report_id)))
      .catch((error: Error) => setProblem(sentence(error.message)));
  };
  return (
    <div>
      <div className="buttons">
        {resumable ? (
          <button type="button" className="primary" onClick={() => ask(resume(data.report_id))}>
            Write the rest
          </button>
        ) : null}
        <button type="button" className={resumable ? "quiet" : "primary"} onClick={() => ask(generate(data.ticker))}>
          Write it again
        </button>
      </div>
      <p className="problem" role="alert">
        {problem}
      </p>
    </div>
  );
}

function Stop({ data }: { data: ReportData }): JSX.Element {
  return (
    <Confirm
      icon="stop"
      label={data.abort_requested ? "Stopping" : "Stop"}
      disabled={data.abort_requested}
      question={`Stop the report on ${data.ticker}?`}
      explanation="What is written so far stays readable here. Other reports go on."
      confirm="Stop report"
      keep="Keep writing"
      act={() => stop(data.report_id)}
    />
  );
}
