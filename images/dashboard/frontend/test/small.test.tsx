import { fireEvent, render, screen } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { BarChart, barsOf, SpendChart } from "../src/charts";
import { Fact } from "../src/Fact";
import {
  dollars,
  dollarsLike,
  known,
  limit,
  list,
  NOT_KNOWN,
  rate,
  sectionTitle,
  span,
  when,
  words,
} from "../src/format";
import { route } from "../src/router";

describe("addresses", () => {
  it.each([
    ["", { screen: "home" }],
    ["#/", { screen: "home" }],
    ["#/history", { screen: "history" }],
    ["#/status/", { screen: "status" }],
    ["#/report/AAPL-1f", { screen: "report", id: "AAPL-1f" }],
    ["#AAPL-1f", { screen: "report", id: "AAPL-1f" }],
    ["#/report/<img>", { screen: "lost" }],
    ["#/report/../x", { screen: "lost" }],
    ["#/nowhere/else", { screen: "lost" }],
  ])("%s", (fragment, wanted) => expect(route(fragment)).toEqual(wanted));
});

describe("values", () => {
  it("are written for readers", () => {
    expect([span(42), span(185), span(7800), span(-1)]).toEqual(["42 s", "3 min 05 s", "2 h 10 min", "0 s"]);
    expect([dollars(0), dollars(0.0123), dollars(12.3), dollars(0.00001)]).toEqual([
      "$0.00",
      "$0.0123",
      "$12.30",
      "$0.00",
    ]);
    expect([limit(1200), limit(7200), limit(90), limit(600.4), limit(0)]).toEqual([
      "20 min",
      "2 h",
      "1 min 30 s",
      "10 min",
      "0 s",
    ]);
    expect([rate(0.31), rate(0.148509), rate(1), rate(0.125)]).toEqual(["$0.31", "$0.1485", "$1.00", "$0.125"]);
    expect([dollarsLike(0.079, 0.158), dollarsLike(0, 0.02)]).toEqual(["$0.08", "$0.0000"]);
    expect([words("trailingPE"), words("priceToBook"), sectionTitle("risk_analysis"), sectionTitle("")]).toEqual([
      "trailing P/E",
      "price to book",
      "Risk analysis",
      "Section",
    ]);
  });
  it("are said to be unknown when they are", () => {
    expect([known(null, String), known(undefined, String), when(null), when("nonsense")]).toEqual(
      Array(4).fill(NOT_KNOWN),
    );
    expect(list({ evil: 1 })).toEqual([]);
  });
});

describe("charts", () => {
  const bars = [
    { label: "Revenue", display: "$2", value: 2 },
    { label: "Loss", display: "-$1", value: -1 },
  ];
  it("have a name that says their numbers", () => {
    render(<BarChart title="Income" bars={bars} />);
    expect(screen.getByRole("img").getAttribute("aria-label")).toBe("Income: Revenue $2, Loss -$1");
  });
  it.each([
    [[]],
    [bars.slice(0, 1)],
    [
      [
        { label: "a", display: "", value: 0 },
        { label: "b", display: "", value: 0 },
      ],
    ],
    [
      [
        { label: "a", display: "", value: 1e15 },
        { label: "b", display: "", value: 1 },
      ],
    ],
  ])("are left out where they would say nothing", (few) => {
    expect(render(<BarChart title="x" bars={few} />).container.innerHTML).toBe("");
  });
  it("draw spending only from two points on", () => {
    const points = [
      { at: "2026-01-01T00:00:00Z", usd: 0 },
      { at: "2026-01-01T01:00:00Z", usd: 0.3 },
    ];
    expect(render(<SpendChart points={points.slice(1)} />).container.innerHTML).toBe("");
    render(<SpendChart points={points} />);
    expect(screen.getByRole("img").getAttribute("aria-label")).toContain("$0.00 to $0.30");
  });
});

describe("a number with a source", () => {
  const figure = {
    fact_id: "r",
    label: "Revenue",
    display: "$1B",
    value: 1e9,
    unit: "money",
    as_of: null,
    source: "<b>filing</b>",
    link: null,
    derived: false,
  };
  it("opens on focus, describes itself, and closes on Escape", () => {
    render(<Fact text="$1B" figures={[figure]} />);
    const button = screen.getByRole("button");
    fireEvent.focus(button);
    expect(document.querySelector(".fact-card")?.textContent).toContain("<b>filing</b>");
    expect(document.getElementById(button.getAttribute("aria-describedby") ?? "")?.textContent).toContain(
      "source: <b>filing</b>, as of not known",
    );
    fireEvent.keyDown(document, { key: "Escape" });
    expect(document.querySelector(".fact-card")).toBeNull();
  });
});

describe("bars of a table", () => {
  const row = (value: number | null, unit: string, currency: string | null) => ({
    label: "a",
    display: "b",
    value,
    unit,
    currency,
  });

  it("stand side by side only where all rows are of one kind and in one currency", () => {
    expect(barsOf([row(1, "money", "USD"), row(2, "money", "USD")])).toHaveLength(2);
    expect(barsOf([row(1, "money", "USD"), row(2, "money", "INR")])).toEqual([]);
    expect(barsOf([row(1, "money", "USD"), row(2, "ratio", null)])).toEqual([]);
    expect(barsOf([row(1, "multiple", null)])).toEqual([]);
    expect(barsOf([])).toEqual([]);
  });

  it("leave out a figure without a meaning, and take rows of an older backend, which name no currency", () => {
    expect(barsOf([row(null, "ratio", null), row(0.2, "ratio", null)])).toHaveLength(1);
    expect(
      barsOf([
        { value: 1, unit: "money" },
        { value: 2, unit: "money" },
      ]),
    ).toHaveLength(2);
  });
});
