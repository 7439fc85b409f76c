import { describe, expect, it } from "vitest";
import type { Figure } from "../src/api";
import { split } from "../src/numerals";

const figure = (fact_id: string, value: number, unit: string): Figure => ({
  fact_id,
  label: fact_id,
  display: null,
  value,
  unit,
  as_of: null,
  source: null,
  link: null,
  derived: false,
});
const FIGURES = [
  figure("revenue", 391_035_000_000, "money"),
  figure("loss", -2_500_000, "money"),
  figure("margin", 0.462063, "ratio"),
  figure("debt", 187.2, "percent"),
  figure("current", 0.867, "multiple"),
  figure("shares", 15_115_823, "count"),
];
const found = (text: string) =>
  split(text, FIGURES)
    .filter((piece) => piece.figures.length > 0)
    .map((piece) => [piece.text, piece.figures[0]?.fact_id]);

describe("numbers in prose", () => {
  it.each([
    ["Revenue of $391.03B grew", "$391.03B", "revenue"],
    ["about $391 billion.", "$391 billion", "revenue"],
    ["a loss of $2.5 million", "$2.5 million", "loss"],
    ["at -$2.5M", "-$2.5M", "loss"],
    ["a margin of 46.2%", "46.2%", "margin"],
    ["a margin of 46 percent", "46 percent", "margin"],
    ["debt at 187.2%", "187.2%", "debt"],
    ["cover 0.87x of", "0.87x", "current"],
    ["15,115,823 shares", "15,115,823", "shares"],
  ])("finds %s", (text, number, id) => expect(found(text)).toEqual([[number, id]]));

  it.each(["$392B", "46.3%", "$46.2", "in 2024", "3 points", "v391.03B", "1.2.3", "x", "", "391.03Bx", "$391.03 m"])(
    "leaves %s alone",
    (text) => expect(found(text)).toEqual([]),
  );

  it("loses no character", () => {
    const text = "A $391.03B, 46.2% and \u{1f600}\u0000 0.87x; $0 46.2%46.2% -";
    expect(
      split(text, FIGURES)
        .map((piece) => piece.text)
        .join(""),
    ).toBe(text);
  });

  it("names every figure of the same value, up to three", () => {
    const same = ["a", "b", "c", "d"].map((id) => figure(id, 5_000_000, "money"));
    expect(split("$5.0M", same)[0]?.figures).toHaveLength(3);
  });

  it("reads a long text in a moment", () => {
    const begun = performance.now();
    split("1,111,".repeat(20_000) + "9".repeat(50_000), FIGURES);
    expect(performance.now() - begun).toBeLessThan(1500);
  });
});
