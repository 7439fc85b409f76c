import { act, fireEvent, render, renderHook, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { ReportData } from "../src/api";
import { generate } from "../src/client";
import { hear, poll, useKnown } from "../src/live";
import { Remove } from "../src/Remove";
import { stageOf } from "../src/stage";
import { Writing } from "../src/Writing";

const answers: (() => Response)[] = [];
const sent: { path: string; key: string | undefined }[] = [];
const json = (body: unknown, status = 200) => new Response(JSON.stringify(body), { status });

beforeEach(() => {
  answers.length = 0;
  sent.length = 0;
  vi.stubGlobal("fetch", async (path: string, options: RequestInit) => {
    sent.push({ path, key: (options.headers as Record<string, string>)["Idempotency-Key"] });
    const answer = answers.shift();
    if (answer === undefined) throw new TypeError("no answer");
    return answer();
  });
});
afterEach(() => vi.unstubAllGlobals());

it("repeats a request under one key until it is answered", async () => {
  answers.push(() => json({ report_id: "r" }));
  const clicks = await Promise.allSettled([generate("AAPL"), generate("AAPL")]);
  expect(clicks.map((click) => click.status)).toEqual(["fulfilled", "rejected"]); // the second answer was lost
  expect(new Set(sent.map((one) => one.key)).size).toBe(1);
  answers.push(() => json({ report_id: "r" }));
  await generate("AAPL");
  answers.push(() => json({ success: false, error: "full" }, 429));
  await expect(generate("AAPL")).rejects.toThrow("full");
  answers.push(() => json({ report_id: "s" }));
  await generate("AAPL");
  expect(sent.map((one) => one.key?.length)).toEqual([32, 32, 32, 32, 32]);
  expect(new Set(sent.slice(3).map((one) => one.key)).size).toBe(2);
});

it("learns from a poll what no event told", async () => {
  const { result } = renderHook(() => useKnown());
  const reports = [{ report_id: "polled", status: "completed" }];
  answers.push(() => json({ configuration: "complete", problem: null, updates: "delayed", reports }));
  await act(() => poll());
  expect(sent.map((one) => one.path)).toEqual(["/api/status"]);
  expect(result.current.reports.get("polled")?.status).toBe("completed");
  expect(result.current.configuration).toEqual({ usable: true, problem: null });
});

it("deletes a report after a question, and then does not list it", async () => {
  HTMLDialogElement.prototype.showModal = function showModal() {
    this.open = true;
  };
  HTMLDialogElement.prototype.close = function close() {
    this.open = false;
  };
  const data = { report_id: "old", ticker: "AAPL", status: "completed" } as unknown as ReportData;
  const { result } = renderHook(() => useKnown());
  act(() => hear([data]));
  render(<Remove data={data} />);
  answers.push(() => json({ success: false, error: "this report is not finished" }, 409));
  answers.push(() => json({ success: true }));
  fireEvent.click(screen.getByText("Delete"));
  fireEvent.click(screen.getByText("Delete report"));
  await screen.findByText(/not finished/);
  expect(result.current.reports.has("old")).toBe(true);
  fireEvent.click(screen.getByText("Delete report"));
  await waitFor(() => expect(result.current.reports.has("old")).toBe(false));
  expect(sent.map((one) => one.path)).toEqual(Array(2).fill("/api/reports/old/delete"));
  expect(window.location.hash).toBe("#/history");
});

it("goes on with the sections of a report that ended", async () => {
  const data = { report_id: "late", ticker: "AAPL", status: "failed", sections_done: 2 } as unknown as ReportData;
  const stage = stageOf(data, null);
  const { rerender } = render(<Writing data={data} stage={stage} draft={{}} machine={null} />);
  expect(screen.queryByText("Write the rest")).toBeNull();
  rerender(<Writing data={data} stage={stage} draft={{ executive_summary: "text" }} machine={null} />);
  answers.push(() => json({ success: false, error: "the queue is full" }, 429));
  fireEvent.click(screen.getByText("Write the rest"));
  await screen.findByText(/queue is full/);
  answers.push(() => json({ success: true, report_id: "rest" }));
  fireEvent.click(screen.getByText("Write the rest"));
  await waitFor(() => expect(window.location.hash).toBe("#/report/rest"));
  expect(sent.map((one) => one.path)).toEqual(Array(2).fill("/api/reports/late/resume"));
});
