import { act, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Deployment, ReportData, Wake } from "../src/api";
import { expects, NotifySwitch, tell, watch } from "../src/notify";
import { announcement, stageOf } from "../src/stage";
import { WakeCard } from "../src/WakeCard";
import { wakeFigures, wakeStage, whileAsleep } from "../src/wake";

const WAKE: Wake = {
  automatic: true,
  button: true,
  wanted: false,
  phase: "waking",
  stage: "load",
  progress: 0.5,
  eta_p50_seconds: 75,
  eta_p95_seconds: 230,
  price_per_hour_usd: 0.31,
  cost_to_ready_usd: 0.02,
  reason: "",
  problem: null,
};
const machine = (state: Deployment["state"], wake: Partial<Wake> | null) =>
  ({ state, wake: wake === null ? null : { ...WAKE, ...wake }, progress: null }) as Deployment;
const data = (part: Partial<ReportData>) =>
  ({ report_id: "AAPL-1", ticker: "AAPL", company: "Apple", status: "preparing_data", ...part }) as ReportData;

describe("a wake", () => {
  it("is told with stage, time, price and cost", () => {
    expect(wakeStage(WAKE)).toBe("Loading the model.");
    expect(wakeFigures(WAKE)).toBe("Ready in 1 min 20 s to 4 min, $0.31 per hour, about $0.02 until it is ready.");
    expect(wakeFigures({ ...WAKE, eta_p50_seconds: 30, eta_p95_seconds: 30, price_per_hour_usd: null })).toBe(
      "Ready in about 30 s, about $0.02 until it is ready.",
    );
    expect(wakeFigures({ ...WAKE, eta_p50_seconds: null, price_per_hour_usd: null, cost_to_ready_usd: 0.001 })).toBe(
      "Less than $0.01 until it is ready.",
    );
    expect(wakeFigures({ ...WAKE, eta_p50_seconds: null, price_per_hour_usd: null, cost_to_ready_usd: null })).toBe("");
    expect([wakeFigures(null), wakeStage(null)]).toEqual(["", "The machine is started."]);
  });
  it.each([
    ["the GPU is being woken", "Waking the GPU", "Loading the model."],
    [
      "the GPU is not woken: the day's budget is spent",
      "GPU not woken",
      "The day's budget is spent. This report waits.",
    ],
    ["the backend is asleep: the button `Wake the GPU` wakes it", "Backend asleep", "begins by itself"],
  ])("%s", (said, title, detail) => {
    const stage = stageOf(data({ current_section: `Waiting: ${said}` }), machine("waking", {}));
    expect([stage.step, stage.title]).toEqual(["machine", title]);
    expect(stage.detail).toContain(detail);
  });
  it("is announced without the figures that change", () => {
    const waiting = data({ current_section: "Waiting: the GPU is being woken" });
    const [one, later] = [75, 60].map((eta_p50_seconds) => stageOf(waiting, machine("waking", { eta_p50_seconds })));
    expect(one?.figures).not.toBe(later?.figures);
    expect(announcement(waiting, one as never)).toBe(announcement(waiting, later as never));
  });
  it("is promised for a report only where a report is enough", () => {
    expect(whileAsleep(WAKE)).toContain("will be woken by your report");
    expect(whileAsleep({ ...WAKE, automatic: false })).toContain("the button wakes it");
    expect(whileAsleep(null)).not.toContain("woken");
  });
});

describe("the button", () => {
  const button = () => screen.queryByRole("button", { name: /Wak/ });
  it.each([
    ["without an agent", machine("asleep", null), false],
    ["behind a login", machine("asleep", {}), false],
    ["without a login", machine("asleep", { automatic: false }), true],
    ["switched off", machine("asleep", { automatic: false, button: false }), false],
    ["gone", machine("gone", { automatic: false }), true],
    ["unreachable", machine("unreachable", { automatic: false }), true],
    ["ready", machine("ready", { automatic: false }), false],
    ["while it starts", machine("waking", { automatic: false }), false],
  ])("%s", (_, found, there) => {
    render(<WakeCard machine={found} />);
    expect(button() !== null).toBe(there);
  });
  it("can be pressed again when a request is over", () => {
    vi.useFakeTimers();
    vi.stubGlobal("fetch", async () => ({ ok: true, status: 200, json: async () => ({}) }));
    const asleep = (wanted: boolean) => <WakeCard machine={machine("asleep", { automatic: false, wanted })} />;
    const { rerender } = render(asleep(false));
    const off = () => (button() as HTMLButtonElement).disabled;
    fireEvent.click(button() as HTMLElement);
    rerender(asleep(true));
    expect(off()).toBe(true);
    rerender(asleep(false));
    expect(off()).toBe(false);
    fireEvent.click(button() as HTMLElement);
    expect(off()).toBe(true);
    act(() => vi.advanceTimersByTime(15_000));
    expect(off()).toBe(false);
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });
  it("asks once, and tells why not", async () => {
    const answer = { ok: false, status: 429, json: async () => ({ error: "the GPU was woken too often" }) };
    const fetched = vi.fn(async () => answer);
    vi.stubGlobal("fetch", fetched);
    render(<WakeCard machine={machine("asleep", { automatic: false, problem: "the agent cannot be reached" })} />);
    expect(screen.getByText("The agent cannot be reached.")).toBeTruthy();
    fireEvent.click(button() as HTMLElement);
    expect((button() as HTMLButtonElement).disabled).toBe(true);
    await waitFor(() => expect(screen.getByRole("alert").textContent).toBe("The GPU was woken too often."));
    expect((button() as HTMLButtonElement).disabled).toBe(false);
    expect(fetched).toHaveBeenCalledTimes(1);
    vi.unstubAllGlobals();
  });
});

describe("notifications", () => {
  const shown: string[] = [];
  const requestPermission = vi.fn(async () => {
    Fake.permission = "granted";
    return "granted";
  });
  class Fake {
    static permission = "default";
    static requestPermission = requestPermission;
    constructor(title: string, options: { body: string }) {
      shown.push(`${title}: ${options.body}`);
    }
  }
  beforeEach(() => {
    shown.length = 0;
    vi.stubGlobal("Notification", Fake);
  });
  afterEach(() => vi.unstubAllGlobals());

  it("are off and ask for nothing until the switch is used", async () => {
    watch("AAPL-1");
    tell([data({ status: "completed" })]);
    render(<NotifySwitch report="AAPL-1" />);
    expect([shown.length, requestPermission.mock.calls.length, expects()]).toEqual([0, 0, false]);
    fireEvent.click(screen.getByRole("checkbox"));
    await waitFor(() => expect(expects()).toBe(true));
    watch("MSFT-1");
    tell([data({ status: "generating_sections" }), data({ report_id: "other", status: "completed" })]);
    expect(shown).toEqual([]);
    tell([data({ status: "completed" })]);
    tell([data({ status: "completed" })]);
    expect(shown).toEqual(["AAPL Apple: The report is complete."]);
    expect(JSON.parse(localStorage.getItem("ert-notify") ?? "")).toEqual(["MSFT-1"]);
    fireEvent.click(screen.getByRole("checkbox"));
    await waitFor(() => expect(localStorage.getItem("ert-notify")).toBeNull());
    tell([data({ report_id: "MSFT-1", status: "completed" })]);
    expect(shown.length).toBe(1);
  });
  it("cannot be switched on where the browser blocks them", () => {
    Fake.permission = "denied";
    render(<NotifySwitch report={null} />);
    expect((screen.getByRole("checkbox") as HTMLInputElement).disabled).toBe(true);
  });
});
