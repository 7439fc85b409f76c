// Where a report is, in words: from the data of the dashboard and what is known of the machine. Pure.
import type { Deployment, ReportData } from "./api";
import { sentence } from "./format";
import { wakeFigures, wakeStage } from "./wake";

export type Step = "queued" | "machine" | "turn" | "writing" | "done";
export const STEPS: readonly { step: Step; label: string }[] = [
  { step: "queued", label: "Taken in" },
  { step: "machine", label: "Machine" },
  { step: "turn", label: "Its turn" },
  { step: "writing", label: "Writing" },
  { step: "done", label: "Done" },
];

export interface Stage {
  step: Step;
  title: string;
  detail: string;
  tone: "busy" | "wait" | "good" | "bad" | "off";
  /** Figures that change all the time: shown, and not announced. */
  figures: string;
  /** Completed and total bytes of the model's download, while it runs. */
  download: { completed: number; total: number } | null;
}

const stage = (
  step: Step,
  title: string,
  detail: string,
  tone: Stage["tone"],
  download: Stage["download"] = null,
  figures = "",
): Stage => ({ step, title, detail, tone, figures, download });

const ENDED: Record<string, (data: ReportData) => Stage> = {
  completed: () => stage("done", "Done", "The report is complete.", "good"),
  failed: (data) => stage("done", "Failed", data.error_message ?? "No reason was given.", "bad"),
  aborted: () => stage("done", "Stopped", "The report was stopped before it was complete.", "off"),
  aborting: () => stage("writing", "Stopping", "The backend is told that nobody waits any more.", "wait"),
};

/** What the machine costs by its provider's clock. */
export type Rate = Pick<Deployment, "price_per_hour_usd" | "clock_speed">;

export function stageOf(data: ReportData, machine: Deployment | null): Stage {
  const ended = ENDED[data.status];
  if (ended !== undefined) return ended(data);
  if (data.status === "queued") return queued(data);
  if (data.status === "generating_sections") return generating(data);
  if (data.status === "finalizing")
    return stage("writing", "Checking", "All sections are written; the text is being fetched.", "busy");
  if (data.current_section.startsWith("Waiting")) return waiting(data, machine);
  return stage("machine", "Handing over", "The figures are collected and handed to the backend.", "busy");
}

function queued(data: ReportData): Stage {
  const ahead = data.queue_position ?? 0;
  const place =
    ahead === 0 ? "Next in line" : ahead === 1 ? "1 report is before this one" : `${ahead} reports are before this one`;
  return stage("queued", "In the queue", `${place}.`, "wait");
}

function generating(data: ReportData): Stage {
  if (data.current_section.startsWith("Reconnecting")) {
    return stage(
      "writing",
      "Reconnecting",
      "The connection to the backend was lost; the report goes on there.",
      "wait",
    );
  }
  if (data.queue_position !== null) {
    const place = data.queue_position <= 1 ? "It is next." : `It is number ${data.queue_position} in line.`;
    return stage("turn", "Waiting for its turn", `The backend writes one report at a time. ${place}`, "wait");
  }
  const at = Math.min(data.sections_done + 1, data.sections_total);
  return stage("writing", `Writing ${at} of ${data.sections_total}`, data.current_section, "busy");
}

function waiting(data: ReportData, machine: Deployment | null): Stage {
  const said = data.current_section.replace(/^Waiting:\s*/, "");
  const wake = machine?.wake ?? null;
  const woken = waking(said, machine);
  if (woken !== null) return woken;
  const loads = /^the backend is (starting|downloading|loading|could not)/.test(said);
  if (!loads && !/not ready/.test(said)) {
    const detail =
      "The machine does not answer: it is asleep or just being started. This report waits and begins by itself. The command ert-deploy wake starts the machine.";
    return stage("machine", "Backend asleep", detail, "wait");
  }
  const progress = machine?.progress ?? null;
  const bytes =
    progress !== null && progress.phase === "pulling" && progress.total
      ? { completed: progress.completed ?? 0, total: progress.total }
      : null;
  const detail = loads
    ? `${said.replace(/^the backend is /, "").replace(/^./, (first) => first.toUpperCase())}.`
    : "The backend answers and is not ready yet.";
  const title = machine?.state === "waking" ? "Backend waking" : "Backend booting";
  return stage("machine", title, detail, "wait", bytes, wakeFigures(wake));
}

/** A report while the dashboard's agent wakes the machine, or cannot, or may not without the button; else null. */
function waking(said: string, machine: Deployment | null): Stage | null {
  const wake = machine?.wake ?? null;
  if (said === "the GPU is being woken")
    return stage("machine", "Waking the GPU", wakeStage(wake), "wait", null, wakeFigures(wake));
  if (/^(the GPU is not woken|the agent calls)/.test(said))
    return stage(
      "machine",
      "GPU not woken",
      `${sentence(said.replace(/^the GPU is not woken: /, ""))}. This report waits.`,
      "wait",
    );
  if (/the button `Wake the GPU`/.test(said))
    return stage("machine", "Backend asleep", "This report begins by itself when the machine is awake.", "wait");
  return null;
}

/** What a screen reader is told when it changes; no numbers that change every second. */
export const announcement = (data: ReportData, stage: Stage): string =>
  stage.step === "writing" && stage.tone === "busy"
    ? `${data.ticker}: ${stage.title}, ${stage.detail}`
    : `${data.ticker}: ${stage.title}. ${stage.detail}`;

/** Seconds until done, if the dashboard can tell: only while it writes, and only from earlier reports. */
export function secondsLeft(data: ReportData, now: number): number | null {
  if (data.status !== "generating_sections" || data.queue_position !== null || data.estimated_completion === null)
    return null;
  const left = (Date.parse(data.estimated_completion) - now) / 1000;
  return left > 0 ? left : null;
}

export function elapsed(data: ReportData, now: number): number {
  const end = data.finished === null ? now : Date.parse(data.finished);
  return Math.max(0, (end - Date.parse(data.created)) / 1000);
}

/**
 * US dollars of machine time: its share once it is finished, and before that what it has taken since it is written, or
 * handed over. Null where the price or the time is not known.
 */
export function costSoFar(data: ReportData, machine: Rate | null, now: number): number | null {
  if (data.finished !== null && data.cost_usd !== null) return data.cost_usd;
  const price = machine?.price_per_hour_usd ?? null;
  const since = data.writing_since ?? data.accepted_time;
  if (machine === null || price === null || since === null) return null;
  const end = data.finished === null ? now : Date.parse(data.finished);
  const written = (Math.max(0, end - Date.parse(since)) / 3_600_000) * machine.clock_speed * price;
  return (data.cost_usd ?? 0) + written;
}
