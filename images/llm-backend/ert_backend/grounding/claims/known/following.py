"""Facts computed from indexed figures (growth, cover, net debt), and the date that a figure may be given with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from ert_backend.grounding import periods
from ert_backend.grounding.claims.known.figures import Figure, Figures
from ert_backend.grounding.claims.known.kinds import GROWTH, QUARTERLY, SELF
from ert_backend.grounding.facts import PERIOD_PART, Fact, Unit

# Figures of a day, which have no year.
OF_A_DAY = frozenset(
    {
        "Share price",
        "Previous close",
        "52-week high",
        "52-week low",
        "Mean analyst target",
        "Highest analyst target",
        "Beta",
        "Lowest analyst target",
        "Median analyst target",
        "Market capitalisation",
        "Enterprise value",
        "Trailing P/E",
        "Forward P/E",
        "Price to book",
        "Price to sales",
        "EV to revenue",
        "EV to EBITDA",
        "Forward earnings per share",
        "Dividend yield",
    }
)


def following(figures: Figures, facts: Sequence[Fact]) -> Iterator[Fact]:
    """Yield growth over the previous year, interest cover, net debt or cash, and half-year sums as facts."""
    currency = {fact.id: fact.currency for fact in facts}
    supplied = {(fact.subject or SELF, fact.label) for fact in facts}
    for (owner, name), items in figures.known.items():
        if name in GROWTH:
            for older, newer in pairwise(figures.series(name, owner)):
                if older.value > 0:
                    yield _fact(newer, GROWTH[name], newer.value / older.value - 1, Unit.RATIO)
        yield from _halves(name, items, currency)
        if name in {"Interest cover", "Dividend cover", "Net debt to EBITDA"}:
            for item in items:
                yield _fact(item, name, item.value, Unit.MULTIPLE)
        if name in {"Net debt", "Net cash"}:
            for item in items:
                if (owner, name) not in supplied or not item.current:
                    yield replace(_fact(item, name, item.value, Unit.MONEY), currency=currency.get(item.id))


def _halves(name: str, items: Sequence[Figure], currency: Mapping[str, str | None]) -> Iterator[Fact]:
    for item in items:
        if item.period and item.period.half and item.dimension.startswith("money"):
            made = _fact(item, name, item.value, Unit.MONEY)
            yield replace(made, id=f"{item.id}.half", currency=currency.get(item.id))


def _fact(item: Figure, name: str, value: float, unit: Unit) -> Fact:
    label = f"{item.period.year}: {name}" if item.period and not item.current else name
    source, subject = f"derived: from {item.id} and its like", item.owner or None
    return Fact(item.id, label, value, unit, None, source, period=item.period, subject=subject)


def timely(mention: periods.Mention, fact: Fact, figures: Figures) -> bool:
    """Whether a sentence may give this figure with the date that it mentions."""
    said, name = mention.period, fact.label.rpartition(": ")[2]
    if name.endswith(QUARTERLY) and said.quarter is not None:
        return said.quarter == 0 or said == figures.latest.quarter
    if periods.belongs(mention, fact.period):
        if fact.period and fact.period.half and said.half is None:
            return False
        # A quarterly figure is not the figure of its year.
        return not (mention.relative and said.quarter is None and fact.period and fact.period.quarter)
    if mention.vague and fact.period is not None and fact.period.year == (said.year or 0) - 1:
        return fact.period.quarter is None
    if fact.period is not None or said.quarter is not None or said.month is not None or name in OF_A_DAY:
        return False
    past = any(PERIOD_PART.fullmatch(part) for part in fact.id.split(".")[:-1])
    return not past and said.year is not None and said.year == figures.latest.year and figures.whole
