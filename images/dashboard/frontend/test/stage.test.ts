import { describe, expect, it } from "vitest";
import type { Deployment, ReportData } from "../src/api";
import { announcement, costSoFar, elapsed, secondsLeft, stageOf } from "../src/stage";

const BASE: ReportData = {
  report_id: "AAPL-1",
  ticker: "AAPL",
  company: "Apple",
  data_label: "sample data",
  status: "queued",
  progress: 0,
  current_section: "",
  queue_position: 0,
  sections_done: 0,
  sections_total: 5,
  created: "2026-01-01T00:00:00Z",
  start_time: null,
  accepted_time: null,
  estimated_completion: null,
  finished: null,
  error_message: null,
  word_count: null,
  report_path: null,
  writing_since: null,
  cost_usd: null,
  abort_requested: false,
};
const data = (part: Partial<ReportData>): ReportData => ({ ...BASE, ...part });
const rate = (price_per_hour_usd: number | null, clock_speed = 1) => ({ price_per_hour_usd, clock_speed });
const NOW = Date.parse("2026-01-01T00:01:00Z");

describe("where a report is", () => {
  it.each([
    [data({}), "queued", "In the queue", "Next in line."],
    [data({ queue_position: 3 }), "queued", "In the queue", "3 reports are before this one."],
    [
      data({ status: "preparing_data", current_section: "Waiting: the backend cannot be reached" }),
      "machine",
      "Backend asleep",
      "begins by itself",
    ],
    [
      data({
        status: "preparing_data",
        current_section: "Waiting: the backend is downloading the model 43 % (6.1 of 13.8 GB)",
      }),
      "machine",
      "Backend booting",
      "Downloading the model 43 %",
    ],
    [
      data({ status: "preparing_data", current_section: "Handing over to the backend" }),
      "machine",
      "Handing over",
      "figures",
    ],
    [data({ status: "generating_sections", queue_position: 2 }), "turn", "Waiting for its turn", "number 2"],
    [
      data({
        status: "generating_sections",
        queue_position: null,
        sections_done: 2,
        current_section: "Investment thesis",
      }),
      "writing",
      "Writing 3 of 5",
      "Investment thesis",
    ],
    [
      data({ status: "generating_sections", current_section: "Reconnecting: the connection to the backend was lost" }),
      "writing",
      "Reconnecting",
      "goes on there",
    ],
    [data({ status: "finalizing" }), "writing", "Checking", "fetched"],
    [data({ status: "completed" }), "done", "Done", "complete"],
    [data({ status: "failed", error_message: "it broke" }), "done", "Failed", "it broke"],
    [data({ status: "aborted" }), "done", "Stopped", "before it was complete"],
  ])("%o", (found, step, title, detail) => {
    const stage = stageOf(found, null);
    expect([stage.step, stage.title]).toEqual([step, title]);
    expect(stage.detail).toContain(detail);
    expect(announcement(found, stage)).toContain(title);
  });

  it("tells a machine that wakes from one that boots for the first time", () => {
    const waits = data({ status: "preparing_data", current_section: "Waiting: the backend is loading the model" });
    expect(stageOf(waits, { state: "waking", progress: null } as Deployment).title).toBe("Backend waking");
  });

  it("shows the download of the model where the machine tells it", () => {
    const machine = { progress: { phase: "pulling", completed: 4e9, total: 8e9 } } as Deployment;
    expect(
      stageOf(
        data({ status: "preparing_data", current_section: "Waiting: the backend is downloading the model" }),
        machine,
      ).download,
    ).toEqual({ completed: 4e9, total: 8e9 });
  });
});

describe("time and cost", () => {
  const writing = data({
    status: "generating_sections",
    queue_position: null,
    accepted_time: "2026-01-01T00:00:30Z",
    estimated_completion: "2026-01-01T00:01:20Z",
  });
  it("counts from the asking", () => expect(elapsed(writing, NOW)).toBe(60));
  it("tells what is left only while it writes", () => {
    expect(secondsLeft(writing, NOW)).toBe(20);
    expect(secondsLeft({ ...writing, queue_position: 1 }, NOW)).toBeNull();
    expect(secondsLeft({ ...writing, status: "preparing_data" }, NOW)).toBeNull();
    expect(secondsLeft(writing, NOW + 60_000)).toBeNull();
  });
  it("costs what the machine costs since it has the report", () =>
    expect(costSoFar(writing, rate(1.2), NOW)).toBeCloseTo(0.01));
  it("goes by the clock of the provider, which a sandbox may wind", () =>
    expect(costSoFar(writing, rate(1.2, 20), NOW)).toBeCloseTo(0.2));
  it("costs since it is written, and what earlier attempts took", () => {
    const later = { ...writing, writing_since: "2026-01-01T00:00:45Z" };
    expect(costSoFar(later, rate(1.2), NOW)).toBeCloseTo(0.005);
    expect(costSoFar({ ...later, cost_usd: 0.5 }, rate(1.2), NOW)).toBeCloseTo(0.505);
  });
  it("costs its share when it is finished, whatever the machine costs now", () => {
    const done = { ...writing, finished: "2026-01-01T00:01:00Z", cost_usd: 0.004 };
    expect(costSoFar(done, rate(9), NOW)).toBe(0.004);
    expect(costSoFar(done, null, NOW)).toBe(0.004);
    expect(costSoFar({ ...done, cost_usd: null }, rate(1.2), NOW)).toBeCloseTo(0.01);
  });
  it("does not invent a cost", () => {
    expect(costSoFar(writing, null, NOW)).toBeNull();
    expect(costSoFar(writing, rate(null), NOW)).toBeNull();
    expect(costSoFar({ ...writing, accepted_time: null }, rate(1.2), NOW)).toBeNull();
  });
});
