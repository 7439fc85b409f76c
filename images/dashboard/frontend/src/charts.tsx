// Two small charts as plain SVG: bars for a table of amounts, a line for spending. The numbers stand beside them as text,
// so a chart is one picture with a name to a screen reader.
import { type JSX, useEffect, useState } from "react";
import type { Row } from "./api";
import { dollars, dollarsLike, number, text, when } from "./format";

export interface Bar {
  label: string;
  display: string;
  value: number;
}

const ROW = 34;
const LABEL = 160;
const AMOUNT = 90;
const WIDTH = 560;

const CHARTED = new Set(["money", "ratio"]);

/** The bars of a table whose rows are of one kind and in one currency; none where they cannot stand side by side. */
export function barsOf(rows: readonly Row[]): Bar[] {
  const kinds = new Set(rows.map((row) => `${text(row.unit)} ${text(row.currency)}`));
  if (kinds.size !== 1 || !CHARTED.has(text(rows[0]?.unit))) return [];
  return rows.flatMap((row) => {
    const value = number(row.value);
    return value === null ? [] : [{ label: text(row.label), display: text(row.display), value }];
  });
}

/** Horizontal bars around zero. Nothing is drawn for fewer than two values, or when one dwarfs all others. */
export function BarChart({ title, bars }: { title: string; bars: readonly Bar[] }): JSX.Element | null {
  const sizes = bars.map((bar) => Math.abs(bar.value));
  const most = Math.max(...sizes);
  if (bars.length < 2 || most === 0 || sizes.filter((size) => size > most / 500).length < 2) return null;
  const low = Math.min(0, ...bars.map((bar) => bar.value));
  const high = Math.max(0, ...bars.map((bar) => bar.value));
  const room = WIDTH - LABEL - AMOUNT;
  const at = (value: number) => LABEL + ((value - low) / (high - low)) * room;
  return (
    <figure className="chart">
      <svg
        viewBox={`0 0 ${WIDTH} ${bars.length * ROW + 8}`}
        role="img"
        aria-label={`${title}: ${bars.map((bar) => `${bar.label} ${bar.display}`).join(", ")}`}
      >
        {bars.map((bar, index) => {
          const [from, to] = [Math.min(at(0), at(bar.value)), Math.max(at(0), at(bar.value))];
          const middle = index * ROW + ROW / 2 + 4;
          return (
            <g key={index}>
              <text className="chart-label" x={0} y={middle + 4}>
                {bar.label.length > 22 ? `${bar.label.slice(0, 21)}\u2026` : bar.label}
              </text>
              <rect
                className={bar.value < 0 ? "bar loss" : "bar"}
                x={from}
                y={middle - 9}
                width={Math.max(1.5, to - from)}
                height={18}
                rx={2.5}
              />
              <text className="chart-value" x={WIDTH} y={middle + 4} textAnchor="end">
                {bar.display}
              </text>
            </g>
          );
        })}
        <line className="axis" x1={at(0)} x2={at(0)} y1={4} y2={bars.length * ROW + 4} />
      </svg>
    </figure>
  );
}

const LINE = { width: 640, height: 200, left: 60, right: 12, top: 12, bottom: 28 };

/** How wide a picture may be, in pixels: drawn as large as it is shown, its words have the size of all others. */
function useWidth(first: number): [(node: HTMLElement | null) => void, number] {
  const [node, setNode] = useState<HTMLElement | null>(null);
  const [width, setWidth] = useState(first);
  useEffect(() => {
    if (node === null) return;
    const seen = new ResizeObserver(() => {
      if (node.clientWidth > 0) setWidth(node.clientWidth);
    });
    seen.observe(node);
    return () => seen.disconnect();
  }, [node]);
  return [setNode, width];
}

/** Dollars over time; `points` are in order. */
export function SpendChart({ points }: { points: readonly { at: string; usd: number }[] }): JSX.Element | null {
  const [figure, width] = useWidth(LINE.width);
  const first = points[0];
  const last = points.at(-1);
  if (first === undefined || last === undefined || points.length < 2) return null;
  const [start, end] = [Date.parse(first.at), Date.parse(last.at)];
  const most = Math.max(...points.map((point) => point.usd), 1e-6);
  const x = (at: string) =>
    LINE.left + ((Date.parse(at) - start) / Math.max(1, end - start)) * (width - LINE.left - LINE.right);
  const y = (usd: number) => LINE.height - LINE.bottom - (usd / most) * (LINE.height - LINE.top - LINE.bottom);
  const path = points.map((point) => `${x(point.at).toFixed(1)},${y(point.usd).toFixed(1)}`).join(" ");
  const base = LINE.height - LINE.bottom;
  return (
    <figure className="chart spend" ref={figure}>
      <svg
        viewBox={`0 0 ${width} ${LINE.height}`}
        role="img"
        aria-label={`Estimated spend from ${when(first.at)} to ${when(last.at)}: ${dollars(first.usd)} to ${dollars(last.usd)}`}
      >
        {[0, 0.5, 1].map((share) => (
          <g key={share}>
            <line className="grid" x1={LINE.left} x2={width - LINE.right} y1={y(most * share)} y2={y(most * share)} />
            <text className="chart-tick" x={LINE.left - 8} y={y(most * share) + 4} textAnchor="end">
              {dollarsLike(most * share, most)}
            </text>
          </g>
        ))}
        <polygon className="area" points={`${LINE.left},${base} ${path} ${x(last.at).toFixed(1)},${base}`} />
        <polyline className="line" points={path} />
        <text className="chart-tick" x={LINE.left} y={LINE.height - 8}>
          {clock(first.at)}
        </text>
        <text className="chart-tick" x={width - LINE.right} y={LINE.height - 8} textAnchor="end">
          {clock(last.at)}
        </text>
      </svg>
    </figure>
  );
}

const clock = (iso: string): string => new Date(iso).toLocaleTimeString(undefined, { timeStyle: "short" });
