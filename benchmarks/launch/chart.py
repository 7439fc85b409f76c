"""Chart of the launch benchmark: p50 to p95 of each policy in each mood, as SVG without a library."""

from __future__ import annotations

from html import escape
from math import log10

from benchmarks.launch.claims import P50, P95, Found
from benchmarks.launch.measure import ORACLE, PRODUCT, Tally
from benchmarks.launch.parameters import HORIZON

LEFT, WIDTH, RIGHT, ROW, HEAD, FOOT = 250, 560, 30, 22, 30, 34
FIRST, LAST = 4.0, HORIZON / 60.0  # minutes, on a logarithmic axis
TICKS = (5, 10, 20, 40, 60, 90, 120, 180)
COLOURS = {PRODUCT: "#0b6e4f", ORACLE: "#8a8a8a"}
PEER = "#b3541e"


def draw(moods: Found, launches: int) -> str:
    """Return the picture. A bar begins at p50, ends at p95, and is open where that is beyond the horizon."""
    parts, top = [], 24
    for case, tallies in moods.items():
        parts.append(_text(8, top + 16, case.mood, weight="bold"))
        top += HEAD
        bottom = top + ROW * len(tallies)
        parts += [_tick(minutes, top, bottom) for minutes in TICKS]
        parts += [_bar(name, tally, top + ROW * at) for at, (name, tally) in enumerate(tallies.items())]
        top = bottom + FOOT
    title = f"Minutes to a healthy backend, p50 to p95 of {launches:,} launches; a model, not a measurement of Vast"
    body = "\n".join([_text(8, 16, title), *parts])
    size = f'width="{LEFT + WIDTH + RIGHT}" height="{top}" viewBox="0 0 {LEFT + WIDTH + RIGHT} {top}"'
    style = 'font-family="sans-serif" font-size="12" fill="#222"'
    page = '<rect width="100%" height="100%" fill="#fff"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style}>\n{page}\n{body}\n</svg>\n'


def _x(minutes: float) -> float:
    share = (log10(max(FIRST, min(minutes, LAST))) - log10(FIRST)) / (log10(LAST) - log10(FIRST))
    return LEFT + WIDTH * share


def _text(x: float, y: float, text: str, *, weight: str = "normal", anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-weight="{weight}" text-anchor="{anchor}">{escape(text)}</text>'


def _tick(minutes: int, top: float, bottom: float) -> str:
    x = _x(minutes)
    line = f'<line x1="{x:.1f}" y1="{top - 4:.1f}" x2="{x:.1f}" y2="{bottom:.1f}" stroke="#ddd"/>'
    return line + _text(x, bottom + 14, str(minutes), anchor="middle")


def _bar(name: str, tally: Tally, top: float) -> str:
    middle, colour = top + ROW / 2, COLOURS.get(name, PEER)
    first, last = _x(tally.quantile(P50)), _x(tally.quantile(P95))
    open_end = ' stroke-dasharray="5 3"' if tally.quantile(P95) >= LAST else ""
    ends = f'x1="{first:.1f}" y1="{middle:.1f}" x2="{last:.1f}" y2="{middle:.1f}"'
    line = f'<line {ends} stroke="{colour}" stroke-width="7"{open_end}/>'
    dot = f'<circle cx="{first:.1f}" cy="{middle:.1f}" r="5" fill="{colour}"/>'
    return _text(LEFT - 10, middle + 4, name, anchor="end") + line + dot
