"""Tables of the idle benchmark, as Markdown: results, targets, sensitivity and knobs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from benchmarks.idle.claims import OFFICE, Claim
from benchmarks.idle.knobs import KNOBS, PRODUCT
from benchmarks.idle.measure import TRACE, Case, Found

Row = Sequence[str]
SWEPT = (Case(TRACE, 0.2), Case(TRACE, 0.05), OFFICE)


def table(head: Row, rows: Iterable[Row]) -> str:
    """Return a Markdown table; every column but the first is aligned to the right."""
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def results(found: Found, case: Case) -> str:
    """Return the figures of every policy in one case: means over the runs, and the deviation of the first ratio."""
    head = (
        "policy", "$ in all", "$ billed", "minutes", "cold", "early", "unused", "/ same share", "deviation",
        "/ same, destroys", "/ any fixed", "/ bound",
    )  # fmt: skip
    return table(head, [_result(found, case, name) for name in found.cases[case]])


def _result(found: Found, case: Case, name: str) -> Row:
    def mean(what: str) -> float:
        return found.mean(case, name, what)

    return (
        name, f"{mean('total'):.2f}", f"{mean('money'):.2f}", f"{mean('minutes'):.0f}", f"{mean('cold'):.1%}",
        f"{mean('early'):.1f}", f"{mean('missed'):.1f}", f"{mean('same'):.2f}",
        f"{found.spread(case, name, 'same')[0]:.2f}", f"{mean('pair'):.2f}", f"{mean('any_fixed'):.2f}",
        f"{mean('bound'):.2f}",
    )  # fmt: skip


def targets(claims: Sequence[Claim]) -> str:
    """Return each target with its figure and whether it is met."""
    rows = [
        (
            claim.text, f"{claim.mean:.3f}", f"{claim.deviation:.3f}", f"{claim.highest:.3f}",
            f"at most {claim.limit:g}", "met" if claim.holds else "not met",
        )
        for claim in claims
    ]  # fmt: skip
    return table(("target", "mean", "deviation", "highest", "limit", ""), rows)


def sensitivity(found: Found, swept: Found) -> str:
    """Return the ratio to the best fixed time-out of the same share for each value of each knob, and the cold share."""
    bases = [case for case in SWEPT if case in found.cases]
    head = ("knob", "value", *(f"{case.title}: {what}" for case in bases for what in ("ratio", "cold")))
    rows: list[Row] = [("none", "", *_compared(found, bases))]
    for knob in KNOBS:
        for value in knob.sweep:
            cases = [Case(base.pattern, base.share, ((knob.name, value),)) for base in bases]
            rows.append((knob.name, f"{value:g} {knob.unit}".strip(), *_compared(swept, cases)))
    return table(head, rows)


def _compared(found: Found, cases: Sequence[Case]) -> Row:
    cells = []
    for case in cases:
        cells += [f"{found.mean(case, PRODUCT, 'same'):.2f}", f"{found.mean(case, PRODUCT, 'cold'):.0%}"]
    return cells


def knobs() -> str:
    """Return every knob with its value, its sweep and its source."""
    lines = ["| knob | value | swept | what it is, and the source |", "|---|---:|---:|---|"]
    for knob in KNOBS:
        swept = ", ".join(f"{value:g}" for value in knob.sweep)
        lines.append(f"| {knob.name} | {knob.value:g} {knob.unit} | {swept} | {knob.source} |".replace("  ", " "))
    return "\n".join(lines)
