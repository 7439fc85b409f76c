import { render, screen } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import type { Deployment } from "../src/api";
import { when } from "../src/format";
import { StatusPage } from "../src/StatusPage";

const MACHINE: Deployment = {
  success: true,
  state: "ready",
  detail: "ready",
  checked_at: "2026-01-01T00:00:00Z",
  silent_since: null,
  ended: null,
  backend: { model: "gpt-oss:20b" },
  uptime_seconds: 60,
  progress: null,
  queue: null,
  gpus: null,
  gpu_name: null,
  price_per_hour_usd: null,
  clock_speed: 1,
  idle_seconds: null,
  idle_stop_seconds: null,
  total_reports: 3,
  spend: null,
  wake: null,
  backends: { up: 2, of: 2 },
  together: null,
  reports: { active: 0, waiting: 0 },
};
const value = (name: string) => screen.getByText(name).nextElementSibling?.textContent;

describe("the status page of several backends", () => {
  it("counts them, and names the variables that are left out", () => {
    render(<StatusPage focus={false} machine={{ ...MACHINE, left_out: ["set 3 is left out: it is torn"] }} />);
    expect(value("Backends up")).toBe("2 of 2");
    expect(value("Left out")).toBe("Set 3 is left out: it is torn");
  });

  it("has the price of those that are up, and what all have spent", () => {
    const each = [
      { up: true, price_per_hour_usd: 0.5, spend_usd: 1 },
      { up: false, price_per_hour_usd: 0.3, spend_usd: 0.25 },
      { up: true, price_per_hour_usd: null, spend_usd: null },
    ];
    const together: NonNullable<Deployment["together"]> = {
      price_per_hour_usd: 0.5,
      spend: { basis: "uptime_times_price", usd: 1.25, points: [] },
      each,
    };
    render(<StatusPage focus={false} machine={{ ...MACHINE, price_per_hour_usd: 0.5, together }} />);
    expect(screen.getByText("Those that are up, together; traffic is extra.")).toBeTruthy();
    expect(screen.getByText("$0.50 per hour")).toBeTruthy();
    expect([1, 2, 3].map((number) => value(`Machine ${number}`))).toEqual([
      "$0.50 per hour, $1.00 spent",
      "not up, $0.25 spent",
      "not known",
    ]);
    expect(screen.getByText("$1.25")).toBeTruthy();
    expect(screen.getByText(/since this dashboard's process began/)).toBeTruthy();
  });

  it("names which figures are of one of them, and none of a single one", () => {
    const { rerender } = render(<StatusPage focus={false} machine={{ ...MACHINE, backends: { up: 1, of: 2 } }} />);
    expect(screen.getByText(/^1 of 2 machines are up\. Price and spend are of all of them/)).toBeTruthy();
    rerender(<StatusPage focus={false} machine={{ ...MACHINE, backends: { up: 1, of: 1 } }} />);
    expect(screen.queryByText(/machines are up/)).toBeNull();
  });

  it("has no row for them where all are used", () => {
    render(<StatusPage focus={false} machine={MACHINE} />);
    expect(screen.queryByText("Left out")).toBeNull();
  });
});

describe("a machine that is silent", () => {
  const state = () => document.querySelector(".state-name")?.textContent;
  const at = "2026-01-01T14:03:00Z";

  it("is asleep since the last message of its guard", () => {
    const ended = { state: "stopping", reason: "idle", seconds: 900, at } as const;
    render(
      <StatusPage focus={false} machine={{ ...MACHINE, state: "asleep", detail: "it was idle for 15 min", ended }} />,
    );
    expect(state()).toContain(`Backend asleep since ${when(at)}`);
    expect(screen.getByText(/It was idle for 15 min\./)).toBeTruthy();
  });

  it("is unreachable since its last response where there is no last message", () => {
    render(<StatusPage focus={false} machine={{ ...MACHINE, state: "unreachable", silent_since: at }} />);
    expect(state()).toContain(`since ${when(at)}`);
  });
});
