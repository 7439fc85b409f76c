"""Builds the index of figures from the facts, with equity, net debt, net cash and interest cover added."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from ert_backend.grounding.claims.known.figures import Figure, Figures, age
from ert_backend.grounding.claims.known.kinds import COVERS, FLOWS, OTHER_FIELDS, PER_SHARE, QUARTERLY, SELF, SUMS
from ert_backend.grounding.facts import PERIOD_PART, Fact, Period, Unit
from ert_backend.grounding.periods import Newest
from ert_backend.grounding.vocabulary import OF_QUOTE


def index(facts: Iterable[Fact]) -> Figures:
    """Index the figures; compute equity and similar ones from two of them."""
    known: dict[tuple[str, str], list[Figure]] = {}
    for fact in facts:
        if fact.number is not None:
            item = _figure(fact)
            known.setdefault((item.owner, item.name), []).append(item)
    _follow(known)
    known = {key: [*_dated(items), *_halves(key[1], items)] for key, items in known.items()}
    own = [item for (owner, _), items in known.items() if owner == SELF for item in items]
    years = [p.year for item in own if (p := item.period) and p.year and not p.quarter and not p.half]
    quarters = [(p.year, p.quarter) for item in own if (p := item.period) and p.year and p.quarter]
    peers = tuple(dict.fromkeys(owner for owner, _ in known if owner != SELF))
    newest = max(quarters, default=None)
    latest = Newest(max(years, default=newest[0] if newest else None), Period(*newest) if newest else None)
    return Figures(known, peers, latest, _is_of(known, latest.year))


def _halves(name: str, items: list[Figure]) -> list[Figure]:
    """Return the sums per half-year of the quarters that are known, for figures that add up over time."""
    found: list[Figure] = []
    if name not in FLOWS:
        return found
    by_time = {(i.period.year, i.period.quarter): i for i in items if i.period and i.period.quarter and i.period.year}
    for year in sorted({year for year, _ in by_time if year}):
        four = [by_time.get((year, quarter)) for quarter in (1, 2, 3, 4)]
        for half, (one, two) in enumerate((four[:2], four[2:]), 1):
            if one is not None and two is not None and one.dimension == two.dimension:
                found.append(replace(one, value=one.value + two.value, period=Period(year, half=half), current=False))
    return found


def _is_of(known: Mapping[tuple[str, str], list[Figure]], year: int | None) -> bool:
    """Whether the current figures equal those of the newest year, where both are known."""
    equal = []
    for (owner, _), items in known.items():
        past = [
            i.value
            for i in items
            if not i.current and i.period and (i.period.year, i.period.quarter, i.period.half) == (year, None, None)
        ]
        now = [i.value for i in items if i.current and not i.quarterly]
        if owner == SELF and past and now:
            equal.append(abs(past[0] - now[0]) <= 1e-3 * abs(past[0]))
    return len(equal) >= 3 and all(equal)


def _figure(fact: Fact) -> Figure:
    name, kind = OTHER_FIELDS.get(fact.id.rpartition(".")[2], (fact.label.rpartition(": ")[2], None))
    quarterly = name.endswith(QUARTERLY)
    name = name.removesuffix(QUARTERLY)
    value = (fact.number or 0.0) / (100 if fact.unit is Unit.PERCENT else 1)
    past = any(PERIOD_PART.fullmatch(part) for part in fact.id.split(".")[:-1])
    dimension = f"{kind} {_currency(fact)}" if kind else _dimension(name, fact)
    # A cost or payment may have either sign.
    value = abs(value) if kind == "money" and name != "Equity" else value
    return Figure(fact.id, name, value, dimension, fact.subject or SELF, fact.period, not past, quarterly)


def _dated(items: list[Figure]) -> list[Figure]:
    """Set the newest year on undated current figures whose value is the same as in that year."""
    years = [i for i in items if not i.current and i.period and i.period.year and i.period.quarter is None]
    newest = max(years, key=age, default=None)
    if newest is None:
        return items
    same = [abs(i.value - newest.value) <= 1e-3 * abs(newest.value) for i in items]
    return [
        replace(i, period=newest.period) if i.current and not i.quarterly and i.period is None and equal else i
        for i, equal in zip(items, same, strict=True)
    ]


def _currency(fact: Fact) -> str:
    """Return the currency code, else the side of the request: figures with the same key are comparable."""
    side = "of-the-quote" if fact.id.rpartition(".")[2] in OF_QUOTE else "of-the-statements"
    return fact.currency or side


def _dimension(name: str, fact: Fact) -> str:
    match fact.unit:
        case Unit.MONEY:
            return f"{'per share' if name in PER_SHARE else 'money'} {_currency(fact)}"
        case Unit.RATIO | Unit.PERCENT:
            return "ratio"
        case Unit.MULTIPLE:
            return "multiple"
        case _:
            return f"count {name}"


def _follow(known: dict[tuple[str, str], list[Figure]]) -> None:
    """Add equity, net debt, net cash and interest cover for every company and date where both operands are known."""
    for name, left, right in SUMS:
        for owner in {owner for owner, _ in known}:
            if (owner, name) in known and any(item.period for item in known[owner, name]):
                continue
            other = {(i.period, i.current, i.dimension): i for i in known.get((owner, right), ())}
            found = [
                replace(item, name=name, value=item.value - match.value)
                for item in known.get((owner, left), ())
                if (match := other.get((item.period, item.current, item.dimension))) is not None
            ]
            if found:
                known[owner, name] = found
    for (owner, name), items in list(known.items()):
        for over, under, cover in COVERS:
            if name != over:
                continue
            paid = {(i.period, i.current, i.dimension): i for i in known.get((owner, under), ())}
            known[owner, cover] = [*known.get((owner, cover), ())] + [
                replace(item, name=cover, value=item.value / cost.value, dimension="multiple")
                for item in items
                if (cost := paid.get((item.period, item.current, item.dimension))) is not None and cost.value > 0
            ]
