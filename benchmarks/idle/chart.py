"""Chart of the idle benchmark: each policy's price over its bound, as SVG without a library."""

from __future__ import annotations

from html import escape

from benchmarks.idle.knobs import PRODUCT
from benchmarks.idle.measure import Found

LEFT, WIDTH, RIGHT, ROW, HEAD, FOOT = 250, 480, 90, 20, 28, 30
LAST = 4.0  # times the bound, at the right end
TICKS = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0)
OWN, OTHER = "#0b6e4f", "#b3541e"


def draw(found: Found, runs: int) -> str:
    """Return the picture: a bar from the lowest to the highest run, a dot at the mean, the cold share."""
    parts, top = [], 24
    for case, by_name in found.cases.items():
        parts.append(_text(8, top + 16, case.title, weight="bold"))
        top += HEAD
        bottom = top + ROW * len(by_name)
        parts += [_tick(ratio, top, bottom) for ratio in TICKS]
        for at, name in enumerate(by_name):
            _, low, high = found.spread(case, name, "bound")
            mean, cold = found.mean(case, name, "bound"), found.mean(case, name, "cold")
            parts.append(_bar(name, (low, mean, high), cold, top + ROW * at))
        top = bottom + FOOT
    title = f"Price with waits over that of who knows all requests, {runs} runs; right: cold share"
    body = "\n".join([_text(8, 16, title), *parts])
    whole = LEFT + WIDTH + RIGHT
    size = f'width="{whole}" height="{top}" viewBox="0 0 {whole} {top}"'
    style = 'font-family="sans-serif" font-size="12" fill="#222"'
    page = '<rect width="100%" height="100%" fill="#fff"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style}>\n{page}\n{body}\n</svg>\n'


def _x(ratio: float) -> float:
    return LEFT + WIDTH * min(ratio, LAST) / LAST


def _text(x: float, y: float, text: str, *, weight: str = "normal", anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-weight="{weight}" text-anchor="{anchor}">{escape(text)}</text>'


def _tick(ratio: float, top: float, bottom: float) -> str:
    x = _x(ratio)
    line = f'<line x1="{x:.1f}" y1="{top - 4:.1f}" x2="{x:.1f}" y2="{bottom:.1f}" stroke="#ddd"/>'
    return line + _text(x, bottom + 13, f"{ratio:g}", anchor="middle")


def _bar(name: str, spread: tuple[float, float, float], cold: float, top: float) -> str:
    middle, colour = top + ROW / 2, OWN if name == PRODUCT else OTHER
    low, mean, high = map(_x, spread)
    line = (
        f'<line x1="{low:.1f}" y1="{middle:.1f}" x2="{high:.1f}" y2="{middle:.1f}" stroke="{colour}" stroke-width="3"/>'
    )
    dot = f'<circle cx="{mean:.1f}" cy="{middle:.1f}" r="4.5" fill="{colour}"/>'
    share = _text(LEFT + WIDTH + 14, middle + 4, f"{cold:.0%}")
    return _text(LEFT - 10, middle + 4, name, anchor="end") + line + dot + share
