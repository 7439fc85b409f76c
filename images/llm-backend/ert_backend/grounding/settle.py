"""Resolves ambiguous units from other figures: pence or pounds, percent or fraction, and values with no meaning.

An input figure is compared with those it depends on. If they do not determine the unit and exactly one reading is in
the plausible range, that reading is used; otherwise the figure is dropped and listed as missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ert_backend.grounding.facts import NOT_MEANINGFUL, Fact, Unit
from ert_backend.grounding.supplied.currency import Scope

NEAR = 0.1
LIKELY_YIELD = (0.0001, 0.25)
LIKELY_DIVIDEND = (0.0005, 0.25)
LIKELY_MULTIPLE = (2.0, 200.0)
LIKELY_BOOK = (0.1, 20.0)
EQUITY = ("stockholdersEquity", "totalStockholderEquity", "bookValue")
ON_EQUITY = frozenset({"returnOnEquity", "priceToBook", "debtToEquity"})
NO_SIGN = frozenset({"debtToEquity", "payoutRatio", "trailingAnnualDividendYield", "dividendYield"})
# Relative to the current price: the field, and the figure that is price over field or field over price.
OF_PRICE = {"trailingEps": "trailingPE", "forwardEps": "forwardPE", "bookValue": "priceToBook"}

Facts = dict[str, Fact]


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of a figure, and the ratio that it implies."""

    value: float
    implied: float


def settle(facts: Mapping[str, Fact], scope: Scope) -> tuple[Facts, list[str]]:
    """Return the facts after this step, and the ids of those that had to be dropped."""
    found, gaps = dict(facts), list[str]()
    if scope.quote is not None and scope.quote.parts > 1:
        gaps += _in_pounds(found, scope.quote.parts)
    gaps += _yields(found)
    return {name: _meaningful(fact, found) for name, fact in found.items()}, gaps


def _in_pounds(facts: Facts, parts: int) -> list[str]:
    """Resolve totals and per-share figures of a share that is quoted in minor units; return the dropped ids."""
    gaps = []
    price, shares = _number(facts, "currentPrice"), _number(facts, "impliedSharesOutstanding", "sharesOutstanding")
    worth, whole = _number(facts, "marketCap"), _number(facts, "enterpriseValue")
    if worth and price and shares and _close(worth / parts, price * shares):
        worth = worth / parts
        facts["marketCap"] = replace(facts["marketCap"], value=worth)
    if worth and whole and not _alike(whole, worth) and _alike(whole / parts, worth):
        facts["enterpriseValue"] = replace(facts["enterpriseValue"], value=whole / parts)
    for name, multiple in OF_PRICE.items():
        said, value = _number(facts, multiple), _number(facts, name)
        if value and price and facts[name].currency == facts["currentPrice"].currency:
            likely = LIKELY_MULTIPLE if name != "bookValue" else LIKELY_BOOK
            readings = (Reading(value, price / value), Reading(value / parts, price * parts / value))
            gaps += _choose(facts, name, readings, said, likely)
    for name in ("dividendRate", "trailingAnnualDividendRate"):
        if (value := _number(facts, name)) and price:
            readings = (Reading(value, value / price), Reading(value / parts, value / parts / price))
            gaps += _choose(facts, name, readings, _stated(facts), LIKELY_DIVIDEND)
    return gaps


def _yields(facts: Facts) -> list[str]:
    """Resolve `dividendYield`, a fraction in older data and percent in newer, from dividend and price.

    A peer's value is from the same source, so it is scaled like the company's own.
    """
    gaps, sent = [], _number(facts, "dividendYield")
    for name in sorted((name for name in facts if name.rpartition(".")[2] == "dividendYield"), key=len):
        fact, value = facts[name], _number(facts, name)
        if value and fact.unit is Unit.PERCENT:
            facts[name] = replace(fact, value=value / 100, unit=Unit.RATIO)
        elif value:
            said = _paid(facts) if name == "dividendYield" else None
            settled = _number(facts, "dividendYield")
            if name != "dividendYield" and _paid(facts) and sent and settled:
                said = value * settled / sent
            readings = (Reading(value, value), Reading(value / 100, value / 100))
            gaps += _choose(facts, name, readings, said, LIKELY_YIELD, keep=False)
    return gaps


def _paid(facts: Facts) -> float | None:
    """Return the yield from dividend and price, else as in `_stated`."""
    price, dividend = facts.get("currentPrice"), _first(facts, "dividendRate", "trailingAnnualDividendRate")
    if price and price.number and dividend and dividend.number and price.currency == dividend.currency:
        return dividend.number / price.number
    return _stated(facts)


def _stated(facts: Facts) -> float | None:
    """Return the yield without the dividend: payout over P/E, else the field that is always a fraction."""
    payout, multiple = _number(facts, "payoutRatio"), _number(facts, "trailingPE")
    if payout and multiple and payout > 0 and multiple > 0:
        return payout / multiple
    return _number(facts, "trailingAnnualDividendYield")


def _choose(
    facts: Facts,
    name: str,
    readings: tuple[Reading, Reading],
    said: float | None,
    likely: tuple[float, float],
    *,
    keep: bool = True,
) -> list[str]:
    """Use the reading that matches `said`, without `said` the only plausible one; otherwise drop the figure.

    `keep`: if no reading matches, keep the first, so that `identities` reports the conflict.
    """
    proven = [reading for reading in readings if said and _close(reading.implied, said)]
    probable = [reading for reading in readings if likely[0] <= abs(reading.implied) <= likely[1]]
    right = proven or ([*readings[:1]] if said and keep else [] if said else probable)
    if len(right) == 1:
        facts[name] = replace(facts[name], value=right[0].value)
        return []
    del facts[name]
    return [name]


def _meaningful(fact: Fact, facts: Mapping[str, Fact]) -> Fact:
    """Return `n.m.` for a negative multiple, and for a ratio to equity when equity is negative."""
    value, name = fact.number, fact.id.rpartition(".")[2]
    if value is None:
        return fact
    no_equity = fact.subject is None and any((_number(facts, base) or 0.0) < 0 for base in EQUITY)
    below = value < 0 and (fact.unit is Unit.MULTIPLE or name in NO_SIGN)
    return replace(fact, value=NOT_MEANINGFUL) if below or (no_equity and fact.id in ON_EQUITY) else fact


def _close(value: float, other: float) -> bool:
    return abs(value - other) <= NEAR * abs(other)


def _alike(value: float, other: float) -> bool:
    """Whether one is at most ten times the other."""
    return 0.1 <= abs(value / other) <= 10


def _first(facts: Mapping[str, Fact], *names: str) -> Fact | None:
    return next((facts[name] for name in names if name in facts), None)


def _number(facts: Mapping[str, Fact], *names: str) -> float | None:
    fact = _first(facts, *names)
    return fact.number if fact else None
