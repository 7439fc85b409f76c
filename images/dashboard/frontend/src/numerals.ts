// Finds the numbers in prose that are figures of the report, so that each can show where it comes from. Pure.
// A number matches a figure of its own kind that has the same value at the precision written.
import type { Figure } from "./api";

type Kind = "money" | "percent" | "multiple" | "plain";
export interface Piece {
  text: string;
  figures: Figure[];
}

const SCALES: Record<string, number> = {
  t: 1e12,
  trillion: 1e12,
  b: 1e9,
  bn: 1e9,
  billion: 1e9,
  m: 1e6,
  mn: 1e6,
  million: 1e6,
  k: 1e3,
  thousand: 1e3,
};
const NUMERAL =
  /(?<![\w.,])([-\u2212]?)((?:[$\u20ac\u00a3\u00a5]|(?:USD|EUR|GBP|JPY|HKD|CNY|CHF|CAD)\s)?)(\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)(\s?(?:trillion|billion|million|thousand|bn|mn)\b|[TBMK](?![A-Za-z]))?(\s?%|\s(?:percent|per cent)\b|x(?![A-Za-z]))?(?![\d])/g;

interface Numeral {
  value: number;
  tolerance: number;
  signed: boolean;
  kind: Kind;
  digits: number;
}

function read(match: RegExpMatchArray): Numeral {
  const [, sign = "", money = "", digits = "", scaleText = "", tail = ""] = match;
  const scale = SCALES[scaleText.trim().toLowerCase()] ?? 1;
  const plain = digits.replaceAll(",", "");
  const decimals = plain.split(".")[1]?.length ?? 0;
  const kind: Kind = money !== "" ? "money" : tail.trim() === "x" ? "multiple" : tail !== "" ? "percent" : "plain";
  return {
    value: Number(plain) * scale * (sign === "" ? 1 : -1),
    tolerance: 0.5 * 10 ** -decimals * scale * (1 + 1e-9),
    signed: sign !== "",
    kind,
    digits: plain.replace(/^0+|\./g, "").length,
  };
}

/** The values a figure may be written as in a number of this kind. */
function forms(figure: Figure, kind: Kind): number[] {
  const value = figure.value ?? Number.NaN;
  switch (figure.unit) {
    case "money":
      return kind === "money" || kind === "plain" ? [value] : [];
    case "ratio":
      return kind === "percent" ? [value * 100] : [];
    case "percent":
      return kind === "percent" ? [value] : kind === "multiple" ? [value / 100] : [];
    case "multiple":
      return kind === "multiple" || kind === "plain" ? [value] : [];
    default:
      return kind === "plain" ? [value] : [];
  }
}

function matches(numeral: Numeral, figure: Figure): boolean {
  return forms(figure, numeral.kind).some(
    (form) => Math.abs(numeral.value - (numeral.signed ? form : Math.abs(form))) <= numeral.tolerance,
  );
}

/** A bare `3` or `2024` is more often a count or a year than a figure. */
const tooPlain = (numeral: Numeral): boolean =>
  numeral.kind === "plain" &&
  (numeral.digits < 3 || (Number.isInteger(numeral.value) && numeral.value >= 1900 && numeral.value <= 2100));

/** The text in pieces; those that are figures carry them. Joined, the pieces are the text. */
export function split(text: string, figures: readonly Figure[]): Piece[] {
  const pieces: Piece[] = [];
  let end = 0;
  for (const match of figures.length === 0 ? [] : text.matchAll(NUMERAL)) {
    const numeral = read(match);
    const found = tooPlain(numeral) ? [] : figures.filter((figure) => matches(numeral, figure));
    if (found.length === 0) continue;
    if (match.index > end) pieces.push({ text: text.slice(end, match.index), figures: [] });
    pieces.push({ text: match[0], figures: found.slice(0, 3) });
    end = match.index + match[0].length;
  }
  if (end < text.length) pieces.push({ text: text.slice(end), figures: [] });
  return pieces;
}
