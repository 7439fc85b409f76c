import { act, renderHook } from "@testing-library/react";
import { expect, it } from "vitest";
import type { ReportData } from "../src/api";
import { hear, learn, useKnown } from "../src/live";

const report = (status: string): ReportData => ({ report_id: "r", status }) as unknown as ReportData;

it("keeps what an event told over an answer that was asked for before it", () => {
  const { result } = renderHook(() => useKnown());
  const asked = performance.now() - 1;
  act(() => hear([report("generating_sections")]));
  act(() => learn([report("preparing_data")], asked));
  expect(result.current.reports.get("r")?.status).toBe("generating_sections");
  act(() => learn([report("completed")], performance.now() + 1));
  expect(result.current.reports.get("r")?.status).toBe("completed");
});
