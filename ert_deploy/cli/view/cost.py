"""View of costs: a table, a chart by day for the terminal, and the same chart as SVG."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from itertools import dropwhile

from ert_deploy.app.running.cost import Costs, date_of

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
KINDS = (("gpu", "#"), ("disk", "="), ("traffic", "."))
COLOURS = {"gpu": "#3b6ea5", "disk": "#c98a2b", "traffic": "#6b9a5b"}
HEAD = 18  # columns of a row of the chart before its bar
BAR, GAP, HEIGHT, MARGIN = 22, 6, 180, 48  # of the SVG, in pixels


def table(costs: Costs) -> Iterator[str]:
    """Yield the rows of the table."""
    made = costs.summary
    yield f"  {'':12} {'GPU':>9} {'disk':>9} {'traffic':>9} {'total':>9} {'charged':>9} {'difference':>11}"
    for label, one in (("today (UTC)", made.today), ("this month", made.month)):
        yield (
            f"  {label:12} {money(one.gpu)} {money(one.disk)} {money(one.traffic)} {money(one.total)} "
            f"{money(one.charged)} {one.corrected:>+11.4f}"
        )
    how = " in the first hour" if made.forecast is None else " for this month, if it goes on as in the last 7 days"
    yield f"  forecast     {_known(made.forecast)}{how}"
    yield f"  per report   {_known(costs.per_report)}"
    if made.always_on is not None and made.saved is not None:
        which = "this machine" if made.replicas == 1 else f"{made.replicas} such machines"
        yield f"  saved        ${made.saved:.2f} against ${made.always_on:.2f} for {which} always on"
    if made.kept is not None:
        which = "1 machine" if made.awake == 1 else f"{made.awake} machines"
        yield f"  kept up   ${made.kept:.2f} a month for {which} without a pause (replicas/min)"
    if made.month.unsure > 0.005:
        yield f"  unsure       ${made.month.unsure:.2f} at most was not used: when a machine stopped was not seen"
    yield from budget(costs)
    for first, total in made.earlier.items():
        year, month, _ = date_of(first)
        yield f"  {MONTHS[month - 1]} {year}     ${total:.2f}"


def budget(costs: Costs) -> Iterator[str]:
    """Yield a row for each budget."""
    left, most = costs.left, costs.budget
    for period, limit, rest in (("day", most.per_day, left.day), ("month", most.per_month, left.month)):
        if limit is not None and rest is not None:
            yield f"  budget       ${limit:.2f} for this {period}, ${rest:.2f} left; at its end: {most.at_end.value}"
    if left.given >= 0.005 and most.limited:
        yield f"  given        ${left.given:.2f} of that may be spent by a machine without a further run"


def chart(costs: Costs, width: int) -> Iterator[str]:
    """Yield a bar for each day of this month since the first that cost something, not wider than the terminal."""
    days = dict(dropwhile(lambda found: not found[1].total, costs.summary.days.items()))
    most = max((one.total for one in days.values()), default=0.0)
    if most <= 0.0:
        return
    room = width - HEAD
    for day, one in days.items():
        _, month, of_month = date_of(day)
        bar, shown, filled = "", 0.0, 0
        for kind, sign in KINDS:
            shown += getattr(one, kind)
            until = round(shown / most * room)
            bar, filled = bar + sign * (until - filled), until
        yield f"  {MONTHS[month - 1]} {of_month:2} {one.total:>8.2f} {bar}".rstrip()
    yield f"  {'':{HEAD - 2}}{'  '.join(f'{sign} {kind}' for kind, sign in KINDS)}"


def svg(costs: Costs) -> str:
    """Return the chart as an SVG document."""
    days = costs.summary.days
    most = max((one.total for one in days.values()), default=0.0) or 1.0
    width = MARGIN * 2 + len(days) * (BAR + GAP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{HEIGHT + 2 * MARGIN}" '
        'font-family="sans-serif" font-size="11">',
        f"<title>Cost of {escape(costs.deployment)} by day, in $</title>",
        f'<text x="{MARGIN}" y="20">{escape(costs.deployment)}: ${costs.summary.month.total:.2f} this month, '
        f"at most ${most:.2f} a day</text>",
    ]
    for at, (day, one) in enumerate(days.items()):
        parts += _column(MARGIN + at * (BAR + GAP), {kind: getattr(one, kind) / most for kind, _ in KINDS}, day)
    for at, (kind, _) in enumerate(KINDS):
        x, y = MARGIN + at * 80, HEIGHT + MARGIN + 34
        parts.append(f'<rect x="{x}" y="{y - 9}" width="10" height="10" fill="{COLOURS[kind]}"/>')
        parts.append(f'<text x="{x + 14}" y="{y}">{kind}</text>')
    return "\n".join([*parts, "</svg>", ""])


def _column(x: int, shares: Mapping[str, float], day: int) -> Iterator[str]:
    top = float(HEIGHT + MARGIN - 10)
    for kind, share in shares.items():
        height = share * (HEIGHT - 20)
        top -= height
        if height > 0:
            yield f'<rect x="{x}" y="{top:.2f}" width="{BAR}" height="{height:.2f}" fill="{COLOURS[kind]}"/>'
    yield f'<text x="{x + BAR / 2:g}" y="{HEIGHT + MARGIN + 6}" text-anchor="middle">{date_of(day)[2]}</text>'


def money(amount: float) -> str:
    """Return an amount for a column of the table."""
    return f"{amount:>9.4f}"


def _known(amount: float | None) -> str:
    return "unknown" if amount is None else f"${amount:.2f}"
