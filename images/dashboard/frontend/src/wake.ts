// Waking the GPU by the dashboard's agent, in words and figures. Pure.
import type { Deployment, Wake } from "./api";
import { limit as allowed, rate, sentence } from "./format";

const STAGES: Record<string, string> = {
  rent: "Renting a machine",
  pull: "Loading the image",
  boot: "Starting the machine",
  model_download: "Downloading the model",
  load: "Loading the model",
  smoke_test: "Checking its response",
};

/** The stage of a wake as a sentence; numbers that change are with `wakeFigures`. */
export const wakeStage = (wake: Wake | null): string =>
  wake?.phase === "waking" && wake.stage !== null ? `${STAGES[wake.stage] ?? "Starting"}.` : "The machine is started.";

/** `Ready in 2 min to 4 min, $0.31 per hour, about $0.02 until it is ready.`; "" where nothing is known. */
export function wakeFigures(wake: Wake | null): string {
  if (wake === null) return "";
  const parts: string[] = [];
  const { eta_p50_seconds: soon, eta_p95_seconds: late } = wake;
  if (soon !== null && late !== null) {
    const [from, to] = [round(soon), round(late)];
    parts.push(from === to ? `ready in about ${allowed(from)}` : `ready in ${allowed(from)} to ${allowed(to)}`);
  }
  if (wake.price_per_hour_usd !== null) parts.push(`${rate(wake.price_per_hour_usd)} per hour`);
  if (wake.cost_to_ready_usd !== null) parts.push(`${cents(wake.cost_to_ready_usd)} until it is ready`);
  return parts.length === 0 ? "" : `${sentence(parts.join(", "))}.`;
}

const cents = (cost: number): string => (cost < 0.01 ? "less than $0.01" : `about $${cost.toFixed(2)}`);

/** Whole minutes above two, else steps of ten seconds: an estimate is no more exact. */
const round = (seconds: number): number => {
  const step = seconds > 120 ? 60 : 10;
  return Math.max(step, Math.ceil(seconds / step) * step);
};

const STARTABLE: ReadonlySet<string> = new Set(["asleep", "gone", "unreachable"]);

/** Whether the machine does not respond and only a visitor's request has the agent start one. */
export const needsButton = (machine: Deployment | null): machine is Deployment & { wake: Wake } =>
  machine !== null && STARTABLE.has(machine.state) && machine.wake?.button === true && !machine.wake.automatic;

/** What a sleeping machine means for a report: woken by it, by the button, or by its operator. */
export const whileAsleep = (wake: Wake | null): string =>
  wake?.automatic
    ? "It will be woken by your report, which begins as soon as the machine answers."
    : wake?.button
      ? "A report asked for now is kept, and begins when the machine answers: the button wakes it."
      : "A report asked for now is kept and begins when the machine answers.";
