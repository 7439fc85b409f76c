// The first screen: ask for a report, see what is under way, pick a company.
import { type JSX, useEffect, useState } from "react";
import type { Company, Deployment } from "./api";
import { generate, searchTickers } from "./client";
import { FINISHED, sentence } from "./format";
import { Icon } from "./Icon";
import { useKnown } from "./live";
import { Loading, Notice, ReportList, Title } from "./parts";
import { go, toReport } from "./router";
import { Search } from "./Search";
import { WakeCard } from "./WakeCard";
import { whileAsleep } from "./wake";

export function Home({ focus, machine }: { focus: boolean; machine: Deployment | null | "lost" }): JSX.Element {
  const { reports, configuration, loaded } = useKnown();
  const usable = configuration?.usable ?? true;
  const newest = [...reports.values()].sort((one, other) => (one.created < other.created ? 1 : -1));
  const running = newest.filter((data) => !FINISHED.has(data.status));
  const ended = newest.filter((data) => FINISHED.has(data.status)).slice(0, 5);
  const asleep = machine !== null && machine !== "lost" && machine.state === "asleep";
  return (
    <>
      <section className="hero">
        <Title page="New report" focus={focus}>
          Equity research from your own model
        </Title>
        <p className="lead">
          Five sections from filed figures, written by a private language model on a rented GPU. Figures show their
          source and date.
        </p>
        {configuration !== null && !usable ? (
          <Notice tone="bad" title="Reports cannot be written now.">
            {sentence(configuration.problem ?? "")}.
          </Notice>
        ) : null}
        {asleep && usable ? (
          <Notice tone="info" title="The backend is asleep.">
            {whileAsleep(machine.wake)}
          </Notice>
        ) : null}
        {usable && machine !== "lost" ? <WakeCard machine={machine} /> : null}
        <Search usable={usable} />
      </section>
      {running.length > 0 ? (
        <section aria-labelledby="running">
          <h2 id="running">Under way</h2>
          <ReportList reports={running} />
        </section>
      ) : null}
      <section aria-labelledby="companies">
        <h2 id="companies">Sample companies</h2>
        <Companies usable={usable} />
      </section>
      <section aria-labelledby="recent">
        <div className="head">
          <h2 id="recent">Recent reports</h2>
          {ended.length > 0 ? <a href="#/history">All reports</a> : null}
        </div>
        {!loaded ? (
          <Loading />
        ) : ended.length > 0 ? (
          <ReportList reports={ended} />
        ) : (
          <p className="empty">
            No report yet. Pick a company above; the first one also waits until the machine is awake.
          </p>
        )}
      </section>
    </>
  );
}

function Companies({ usable }: { usable: boolean }): JSX.Element {
  const [found, setFound] = useState<Company[] | null | "lost">(null);
  const [problem, setProblem] = useState("");
  const load = () => {
    setFound(null);
    searchTickers("")
      .then(({ results }) => setFound(results))
      .catch(() => setFound("lost"));
  };
  useEffect(load, []);
  const ask = (ticker: string) => {
    setProblem("");
    generate(ticker)
      .then(({ report_id }) => go(toReport(report_id)))
      .catch((error: Error) => setProblem(`${sentence(error.message)}`));
  };
  if (found === "lost")
    return (
      <Notice tone="bad" title="The companies could not be loaded.">
        <button type="button" className="link" onClick={load}>
          Try again
        </button>
      </Notice>
    );
  if (found === null) return <Loading lines={4} />;
  return (
    <>
      <p className="problem" role="alert">
        {problem}
      </p>
      <ul className="companies">
        {found.map((company) => (
          <li key={company.ticker}>
            <button type="button" disabled={!usable} onClick={() => ask(company.ticker)}>
              <span className="unseen">Write a report on </span>
              <span className="ticker">{company.ticker}</span>
              <span className="name">{company.name}</span>
              <span className="fine">
                {company.fictional ? "Fictional company" : (company.sector ?? "Sector not known")}
                {", as of "}
                {company.as_of}
              </span>
              <Icon name="arrow" />
            </button>
          </li>
        ))}
      </ul>
      <p className="fine">
        Figures are frozen from annual filings, each with its own date. No share prices are bundled.
      </p>
    </>
  );
}
