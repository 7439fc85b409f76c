// The machine behind the reports: is it awake, what is in it, what does it cost, when does it stop by itself.
import type { JSX, ReactNode } from "react";
import type { Deployment, Gpu, Together } from "./api";
import { SpendChart } from "./charts";
import { limit as allowed, dollars, known, NOT_KNOWN, rate, sentence, span, when } from "./format";
import { useKnown } from "./live";
import { Loading, MACHINE, Notice, Said, Title } from "./parts";
import { WakeCard } from "./WakeCard";

const STARTS: ReadonlySet<string> = new Set(["booting", "waking"]);
const CONNECTION = {
  connecting: "connecting",
  live: "live",
  delayed: "delayed, as the dashboard's key value store does not respond; asked for every 3 seconds",
  polling: "asked for every 3 seconds",
};

export function StatusPage({ focus, machine }: { focus: boolean; machine: Deployment | null | "lost" }): JSX.Element {
  const { connection } = useKnown();
  return (
    <section>
      <Title page="Status" focus={focus}>
        Deployment
      </Title>
      <p className="lead">What the backend says of itself, and what the operator told this dashboard.</p>
      {machine === "lost" ? (
        <Notice tone="bad" title="The dashboard does not answer.">
          It is asked again every few seconds.
        </Notice>
      ) : machine === null ? (
        <Loading lines={6} />
      ) : (
        <Machine machine={machine} connection={CONNECTION[connection]} />
      )}
    </section>
  );
}

function Machine({ machine, connection }: { machine: Deployment; connection: string }): JSX.Element {
  const several = machine.together;
  const spend = several === null ? machine.spend : several.spend;
  const price = several === null ? machine.price_per_hour_usd : several.price_per_hour_usd;
  const since = machine.ended?.at ?? (machine.state === "unreachable" ? machine.silent_since : null);
  return (
    <>
      <div className="state-card" data-state={machine.state}>
        <span className="dot" aria-hidden="true" />
        <div>
          <p className="state-name">
            {MACHINE[machine.state] ?? sentence(machine.state)}
            {since === null ? "" : ` since ${when(since)}`}
          </p>
          <p className="fine">
            {machine.state === "ready" ? (
              `${machine.backend.model ?? "A model"} is loaded and can write.`
            ) : (
              <Said text={`${sentence(machine.detail)}.`} />
            )}{" "}
            {STARTS.has(machine.state) && machine.uptime_seconds !== null
              ? `It has been up for ${span(machine.uptime_seconds)}. `
              : ""}
            {machine.silent_since === null ? "" : `Its last response was ${when(machine.silent_since)}. `}
            Checked {when(machine.checked_at)}.
          </p>
          {machine.backends !== null && machine.backends.of > 1 ? (
            <p className="fine">
              {machine.backends.up} of {machine.backends.of} machines are up. Price and spend are of all of them, and
              all else on this page is of one.
            </p>
          ) : null}
          {machine.progress?.total ? (
            <progress
              max={machine.progress.total}
              value={machine.progress.completed ?? 0}
              aria-label="Model download"
            />
          ) : null}
          <WakeCard machine={machine} />
        </div>
      </div>
      <div className="grid">
        <Card title="GPU">
          <Gpus machine={machine} />
        </Card>
        <Card title="Price">
          <p className="big">{known(price, (sum) => `${rate(sum)} per hour`)}</p>
          <p className="fine">
            {price === null
              ? "Neither the backend nor the operator told it."
              : several === null
                ? "While it runs; traffic is extra."
                : "Those that are up, together; traffic is extra."}
          </p>
          {several === null ? null : <Each machines={several.each} />}
        </Card>
        <Card title="Idle timer">
          <Idle machine={machine} />
        </Card>
        <Card title="Work">
          <dl className="facts">
            <Row
              name="At the backend"
              value={
                machine.queue === null
                  ? NOT_KNOWN
                  : `${machine.queue.active ?? 0} writing, ${machine.queue.depth ?? 0} waiting`
              }
            />
            {machine.backends === null ? null : (
              <Row name="Backends up" value={`${machine.backends.up} of ${machine.backends.of}`} />
            )}
            {(machine.left_out ?? []).map((line) => (
              <Row key={line} name="Left out" value={sentence(line)} />
            ))}
            <Row
              name="In this dashboard"
              value={`${machine.reports.active} at work, ${machine.reports.waiting} waiting`}
            />
            <Row name="Written since boot" value={known(machine.total_reports, String)} />
            <Row name="Up for" value={known(machine.uptime_seconds, span)} />
          </dl>
        </Card>
      </div>
      <Card title="Spend">
        {spend === null ? (
          <p className="empty">
            Not known: without a price per hour there is nothing to count with. The operator can set
            ERT_GPU_PRICE_PER_HOUR.
          </p>
        ) : (
          <>
            <p className="big">
              {dollars(spend.usd)} <span className="fine">estimated, as far as seen here</span>
            </p>
            {spend.points.length > 1 ? (
              <SpendChart points={spend.points} />
            ) : (
              <p className="empty">The line begins with the second look at the machine.</p>
            )}
            <p className="fine">
              Time up at the price per hour
              {machine.clock_speed === 1
                ? ""
                : `, by the sandbox's clock, which runs ${machine.clock_speed} times as fast`}
              {several === null ? "" : ", since this dashboard's process began"}. Time before the backend began and
              traffic are not in it; the provider's bill is the truth.
            </p>
          </>
        )}
      </Card>
      <Card title="Software">
        <dl className="facts">
          <Row name="Model" value={machine.backend.model ?? NOT_KNOWN} />
          <Row name="Engine" value={machine.backend.engine ?? NOT_KNOWN} />
          <Row name="Backend" value={machine.backend.version ?? NOT_KNOWN} />
          <Row name="Live updates" value={connection} />
        </dl>
      </Card>
    </>
  );
}

function Each({ machines }: { machines: Together["each"] }): JSX.Element {
  return (
    <dl className="facts">
      {machines.map((one, index) => (
        <Row
          key={index}
          name={`Machine ${index + 1}`}
          value={[
            one.up ? known(one.price_per_hour_usd, (price) => `${rate(price)} per hour`) : "not up",
            ...(one.spend_usd === null ? [] : [`${dollars(one.spend_usd)} spent`]),
          ].join(", ")}
        />
      ))}
    </dl>
  );
}

function Gpus({ machine }: { machine: Deployment }): JSX.Element {
  if (machine.gpus === null) {
    return (
      <>
        <p className="big">{machine.gpu_name ?? sentence(NOT_KNOWN)}</p>
        <p className="fine">
          {machine.uptime_seconds === null
            ? "Its memory, load and temperature are told only while the backend answers."
            : "The machine does not tell its memory, load and temperature."}
        </p>
      </>
    );
  }
  return (
    <>
      {machine.gpus.map((gpu, index) => (
        <OneGpu key={index} gpu={gpu} />
      ))}
    </>
  );
}

function OneGpu({ gpu }: { gpu: Gpu }): JSX.Element {
  const memory = gpu.memory_total_mb
    ? `${((gpu.memory_used_mb ?? 0) / 1024).toFixed(1)} of ${(gpu.memory_total_mb / 1024).toFixed(0)} GB`
    : NOT_KNOWN;
  return (
    <>
      <p className="big">{gpu.name ?? sentence(NOT_KNOWN)}</p>
      <dl className="facts">
        <Row name="Memory" value={memory} />
        <Row name="Load" value={known(gpu.utilization_percent, (value) => `${value} %`)} />
        <Row name="Temperature" value={known(gpu.temperature_c, (value) => `${value} \u00b0C`)} />
      </dl>
    </>
  );
}

function Idle({ machine }: { machine: Deployment }): JSX.Element {
  const { idle_seconds: idle, idle_stop_seconds: limit } = machine;
  if (idle === null)
    return (
      <>
        <p className="big">{sentence(NOT_KNOWN)}</p>
        <p className="fine">
          The backend tells it only while it answers.
          {limit === null || limit === 0 ? "" : ` It stops by itself after ${allowed(limit)} without work.`}
        </p>
      </>
    );
  const off = limit === 0;
  return (
    <>
      <p className="big">
        {idle === 0 ? (machine.queue?.active ? "At work" : "Not counting") : `Idle for ${span(idle)}`}
      </p>
      {limit !== null && !off ? (
        <progress max={limit} value={Math.min(limit, idle)} aria-label="Idle time until it stops" />
      ) : null}
      <p className="fine">
        {limit === null
          ? "When it stops by itself is not known."
          : off
            ? "It does not stop by itself."
            : `Stops by itself after ${allowed(limit)} without work${idle > 0 ? `, in ${span(limit - idle)}` : ""}.`}
      </p>
    </>
  );
}

const Card = ({ title, children }: { title: string; children: ReactNode }): JSX.Element => (
  <section className="card">
    <h2>{title}</h2>
    {children}
  </section>
);
const Row = ({ name, value }: { name: string; value: string }): JSX.Element => (
  <div>
    <dt>{name}</dt>
    <dd>{value}</dd>
  </div>
);
