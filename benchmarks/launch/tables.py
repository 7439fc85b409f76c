"""Tables of the launch benchmark, as Markdown: results, targets, grid, sensitivity, policies and parameters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from benchmarks.launch.claims import P50, P95, Claim, Found, best, hedging_gain
from benchmarks.launch.gains import by_knob as knobs
from benchmarks.launch.measure import ORACLE, PRODUCT, Case, Tally
from benchmarks.launch.parameters import GRID, HEDGING_GAIN, HORIZON, KNOBS, MOODS
from benchmarks.launch.rules import HEDGING, PEERS, SEQUENTIAL

Row = Sequence[str]


def table(head: Row, rows: Iterable[Row]) -> str:
    """Return a Markdown table; every column but the first is aligned to the right."""
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def minutes(value: float) -> str:
    """Return a time of the table; one at the horizon is only known to be at least that."""
    return f"> {value:.0f}" if value >= HORIZON / 60.0 else f"{value:.1f}"


def results(tallies: Mapping[str, Tally]) -> str:
    """Return the figures of every policy in one mood."""
    head = ("policy", "p50 min", "p95 min", "reach", "$ until healthy", "$ with 2 h", "rentals", "lost offers")
    return table(head, [_result(name, tally) for name, tally in tallies.items()])


def _result(name: str, tally: Tally) -> Row:
    count = len(tally.seconds)
    return (
        name, minutes(tally.quantile(P50)), minutes(tally.quantile(P95)), f"{tally.reach:.1%}",
        f"{tally.per_healthy:.3f}", f"{tally.with_hours:.2f}", f"{tally.rentals / count:.2f}",
        f"{tally.lost / count:.2f}",
    )  # fmt: skip


def bounds(moods: Found, found: Mapping[str, tuple[float, float]]) -> str:
    """Return p50 and p95 of the bound next to those of the policy that knows all, and of the product, in minutes."""
    rows = []
    for mood, (p50, p95) in found.items():
        tallies = moods[Case(mood)]
        others = [tallies[name].quantile(at) for name in (ORACLE, PRODUCT) for at in (P50, P95)]
        rows.append((mood, *(minutes(value) for value in (others[0], p50, others[2], others[1], p95, others[3]))))
    head = ("", "oracle p50", "bound p50", "ert-deploy p50", "oracle p95", "bound p95", "ert-deploy p95")
    return table(head, rows)


def targets(claims: Sequence[Claim]) -> str:
    """Return each target with its figure and whether it is met."""
    rows = [
        (
            c.text,
            f"{c.value:.2f}",
            f"{'at least' if c.at_least else 'at most'} {c.limit:g}",
            "met" if c.holds else "not met",
        )
        for c in claims
    ]
    return table(("target", "figure", "limit", ""), rows)


def grid_table(points: Found) -> str:
    """Return the gain over the best hedging peer for each combination, two knobs down and two across."""
    names = list(GRID)
    columns = [(a, b) for a in GRID[names[2]] for b in GRID[names[3]]]
    head = (f"{names[0]}, {names[1]}", *(f"{a:g}, {b:g}" for a, b in columns))
    rows = []
    for first in GRID[names[0]]:
        for second in GRID[names[1]]:
            cells = []
            for third, fourth in columns:
                case = Case(MOODS[-1], tuple(zip(names, (first, second, third, fourth), strict=True)))
                gain = hedging_gain(points[case])
                cells.append(f"**{gain:.1f}**" if gain >= HEDGING_GAIN else f"{gain:.1f}")
            rows.append((f"{first:g}, {second:g}", *cells))
    return table(head, rows)


def by_knob(points: Found) -> str:
    """Return how many points reach the target, and the gain, for each value of each knob."""
    rows = [
        (name, f"{value:g}", f"{reached:.2f}", f"{gain:.2f}")
        for (name, value), (reached, gain) in knobs(points).items()
    ]
    return table(("knob", "value", f"share of at least {HEDGING_GAIN:g}", "mean gain"), rows)


def sensitivity(swept: Found) -> str:
    """Return the p95 of the product, of the best peers and of the oracle for each value of each knob."""
    head = ("knob", "bad day", "value", "ert-deploy", "best sequential", "best hedging", "oracle", "gain over hedging")
    rows: list[Row] = []
    for case, tallies in swept.items():
        named = ("none", "", "")
        for name, value in case.changed:
            knob = next(knob for knob in KNOBS if knob.name == name)
            named = (name, f"{knob.bad_day:g}", f"{value:g}")
        rows.append((*named, *_compared(tallies)))
    return table(head, rows)


def _compared(tallies: Mapping[str, Tally]) -> Row:
    times = (
        tallies[PRODUCT].quantile(P95), best(tallies, SEQUENTIAL, P95), best(tallies, HEDGING, P95),
        tallies[ORACLE].quantile(P95),
    )  # fmt: skip
    return (*(minutes(time) for time in times), f"{hedging_gain(tallies):.1f}")


def policies() -> str:
    """Return the policies with their public sources."""
    rows = [(f"| {rule.name} | {rule.source} |") for rule in PEERS]
    return "\n".join(["| policy | after |", "|---|---|", *rows])


def parameters() -> str:
    """Return every knob with its values, its sweep and its source."""
    lines = [
        "| knob | calm | busy | bad day | swept | what it is, and the public source |",
        "|---|---:|---:|---:|---|---|",
    ]
    for knob in KNOBS:
        swept = ", ".join(f"{value:g}" for value in knob.sweep)
        lines.append(f"| {knob.name} | {knob.calm:g} | {knob.busy:g} | {knob.bad_day:g} | {swept} | {knob.source} |")
    return "\n".join(lines)
