// A complete report: text with sources on its numbers, tables, charts, what was checked and what is missing.
import type { JSX } from "react";
import type { Figure, FullReport, Metadata, Report, ReportData, Row } from "./api";
import { BarChart, barsOf } from "./charts";
import { dollars, list, NOT_KNOWN, number, sectionTitle, span, text, words } from "./format";
import { Icon } from "./Icon";
import { Markdown } from "./Markdown";
import { Notice } from "./parts";
import { Remove } from "./Remove";
import { costSoFar, type Rate } from "./stage";

export function Finished({
  data,
  full,
  report,
  rate,
}: {
  data: ReportData;
  full: FullReport;
  report: Report;
  rate: Rate | null;
}): JSX.Element {
  const sections = Object.entries(report.sections);
  const { metadata } = report;
  return (
    <>
      <Summary data={data} report={report} rate={rate} />
      {metadata.sandbox === true ? (
        <Notice tone="info" title="Written by a small sandbox model.">
          This is a demonstration and not research.
        </Notice>
      ) : null}
      <div className="with-contents">
        <nav className="contents" aria-label="Contents">
          <ul>
            {sections.map(([name], index) => (
              <li key={name}>
                <Jump to={`s-${index}`}>{sectionTitle(name)}</Jump>
              </li>
            ))}
            <li>
              <Jump to="s-checks">Checks and gaps</Jump>
            </li>
            {full.figures.length > 0 ? (
              <li>
                <Jump to="s-figures">Figures and sources</Jump>
              </li>
            ) : null}
          </ul>
        </nav>
        <div className="prose">
          {sections.map(([name, body], index) => (
            <Section key={name} id={`s-${index}`} name={name} body={body} full={full} metadata={metadata} />
          ))}
          <Checks metadata={metadata} />
          <Sources figures={full.figures} />
          <p className="fine disclaimer">
            Written by a language model from the figures named here. It may be wrong and is not investment advice.
          </p>
        </div>
      </div>
    </>
  );
}

/** A link within the report. The address holds the screen, so the jump is done by hand. */
function Jump({ to, children }: { to: string; children: string }): JSX.Element {
  const jump = () => {
    const target = document.getElementById(to);
    target?.scrollIntoView({ behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
    target?.focus({ preventScroll: true });
  };
  return (
    <button type="button" className="link" onClick={jump}>
      {children}
    </button>
  );
}

function Summary({ data, report, rate }: { data: ReportData; report: Report; rate: Rate | null }): JSX.Element {
  const { metadata } = report;
  const seconds = report.generation_time ?? number(metadata.generation_time);
  const speed = number(metadata.tokens_per_second);
  const cost = costSoFar(data, rate, 0);
  return (
    <div className="summary">
      <dl className="numbers">
        <div>
          <dt>Model</dt>
          <dd>{text(metadata.model) || NOT_KNOWN}</dd>
        </div>
        <div>
          <dt>Written in</dt>
          <dd>
            {seconds === null ? NOT_KNOWN : span(seconds)}
            {speed === null ? "" : `, ${speed.toFixed(0)} tokens/s`}
          </dd>
        </div>
        <div>
          <dt>Machine cost</dt>
          <dd>{cost === null ? NOT_KNOWN : dollars(cost)}</dd>
        </div>
        <div>
          <dt>Length</dt>
          <dd>{data.word_count === null ? NOT_KNOWN : `${data.word_count} words`}</dd>
        </div>
      </dl>
      <div className="buttons">
        {data.report_path === null ? null : (
          <a className="button" href={data.report_path} download>
            <Icon name="down" />
            Markdown
          </a>
        )}
        <button type="button" className="quiet" onClick={() => window.print()}>
          <Icon name="print" />
          Print or PDF
        </button>
        <Remove data={data} />
      </div>
    </div>
  );
}

interface Table {
  title: string;
  rows: Row[];
}

const tablesOf = (metadata: Metadata, section: string): Table[] =>
  (Array.isArray(metadata.report?.tables) ? metadata.report.tables : [])
    .filter((table) => table.section === section && Array.isArray(table.rows) && table.rows.length > 0)
    .map((table) => ({ title: text(table.title), rows: table.rows ?? [] }));

function Section({
  id,
  name,
  body,
  full,
  metadata,
}: {
  id: string;
  name: string;
  body: string;
  full: FullReport;
  metadata: Metadata;
}): JSX.Element {
  const tables = tablesOf(metadata, name);
  return (
    <section id={id} tabIndex={-1} aria-labelledby={`${id}-title`}>
      <h2 id={`${id}-title`}>{sectionTitle(name)}</h2>
      <Markdown text={body} figures={full.figures} skip={tables.map((table) => table.title)} />
      {tables.map((table) => (
        <FigureTable key={table.title} table={table} figures={full.figures} />
      ))}
    </section>
  );
}

function FigureTable({ table, figures }: { table: Table; figures: readonly Figure[] }): JSX.Element {
  const known = new Map(figures.map((figure) => [figure.fact_id, figure]));
  const bars = barsOf(table.rows);
  return (
    <div className="figures">
      <h3>{table.title}</h3>
      <BarChart title={table.title} bars={bars} />
      <div className="scroll" tabIndex={0} role="group" aria-label={table.title}>
        <table>
          <thead>
            <tr>
              <th scope="col">Figure</th>
              <th scope="col" className="right">
                Value
              </th>
              <th scope="col">As of</th>
              <th scope="col">Source</th>
            </tr>
          </thead>
          <tbody>
            {table.rows.map((row, index) => {
              const figure = known.get(text(row.fact_id));
              return (
                <tr key={index}>
                  <th scope="row">{text(row.label)}</th>
                  <td className="right">{text(row.display)}</td>
                  <td className="date">{figure?.as_of ?? (text(row.as_of) || NOT_KNOWN)}</td>
                  <td className="source">{figure?.source ?? (text(row.source) || NOT_KNOWN)}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </div>
  );
}

function Checks({ metadata }: { metadata: Metadata }): JSX.Element {
  const { grounding } = metadata;
  const gaps = list(metadata.report?.data_gaps);
  const dropped = Array.isArray(grounding?.ungrounded) ? grounding.ungrounded : [];
  const byCode = list(grounding?.written_by_code);
  const [checked, grounded, derived] = [
    number(grounding?.checked),
    number(grounding?.grounded),
    number(grounding?.derived),
  ];
  return (
    <section id="s-checks" tabIndex={-1} className="checks" aria-labelledby="checks-title">
      <h2 id="checks-title">Checks and gaps</h2>
      {checked === null ? (
        <p>This backend does not say how the numbers in the text were checked.</p>
      ) : (
        <p>
          <strong>{checked}</strong> {checked === 1 ? "number" : "numbers"} in the model's text{" "}
          {checked === 1 ? "was" : "were"} held against the figures: <strong>{grounded ?? 0}</strong> supplied,{" "}
          <strong>{derived ?? 0}</strong> computed from supplied ones, <strong>{dropped.length}</strong> without support
          and left out.
        </p>
      )}
      {byCode.length > 0 ? (
        <p>
          Written from the figures alone, because the model's own text could not be used:{" "}
          {byCode.map(sectionTitle).join(", ")}.
        </p>
      ) : null}
      {dropped.length > 0 ? (
        <details>
          <summary>Sentences that were left out</summary>
          <ul>
            {dropped.slice(0, 40).map((item, index) => (
              <li key={index}>
                {text(item.text)}{" "}
                <span className="fine">
                  ({sectionTitle(text(item.section))}: {words(text(item.reason)) || "no reason given"})
                </span>
              </li>
            ))}
          </ul>
        </details>
      ) : null}
      {gaps.length > 0 ? (
        <>
          <h3>Not supplied</h3>
          <ul className="gaps">
            {gaps.map((gap) => (
              <li key={gap}>{words(gap)}</li>
            ))}
          </ul>
        </>
      ) : (
        <p>No figure that a note should have was missing, as far as the backend says.</p>
      )}
    </section>
  );
}

function Sources({ figures }: { figures: readonly Figure[] }): JSX.Element | null {
  if (figures.length === 0) return null;
  return (
    <section id="s-figures" tabIndex={-1} aria-labelledby="figures-title">
      <h2 id="figures-title">Figures and sources</h2>
      <div className="scroll" tabIndex={0} role="group" aria-label="Figures and sources">
        <table>
          <thead>
            <tr>
              <th scope="col">Figure</th>
              <th scope="col" className="right">
                Value
              </th>
              <th scope="col">As of</th>
              <th scope="col">Source</th>
            </tr>
          </thead>
          <tbody>
            {figures.map((figure) => (
              <tr key={figure.fact_id}>
                <th scope="row">{figure.label}</th>
                <td className="right">{figure.display}</td>
                <td className="date">{figure.as_of ?? NOT_KNOWN}</td>
                <td className="source">{figure.source ?? NOT_KNOWN}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
