"""Whether a number can be a fact by value: type, currency, and the precision it is written in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ert_backend.grounding.facts import Fact, Unit
from ert_backend.grounding.numerals import Kind, Numeral

# Factors from a fact's unit to the kind it is written as; a field without a known name has several.
OF_KIND: Mapping[tuple[Unit, Kind], tuple[float, ...]] = {
    (Unit.MONEY, Kind.MONEY): (1.0,),
    (Unit.MONEY, Kind.PLAIN): (1.0,),
    (Unit.RATIO, Kind.PERCENT): (100.0,),
    (Unit.RATIO, Kind.PLAIN): (1.0,),
    (Unit.PERCENT, Kind.PERCENT): (1.0,),
    (Unit.PERCENT, Kind.MULTIPLE): (0.01,),
    (Unit.PERCENT, Kind.PLAIN): (0.01,),
    (Unit.MULTIPLE, Kind.MULTIPLE): (1.0,),
    (Unit.MULTIPLE, Kind.PLAIN): (1.0,),
    (Unit.COUNT, Kind.PLAIN): (1.0,),
    (Unit.NUMBER, Kind.PLAIN): (1.0,),
    (Unit.NUMBER, Kind.MONEY): (1.0,),
    (Unit.NUMBER, Kind.PERCENT): (1.0, 100.0),
}


def forms(fact: Fact, kind: Kind) -> tuple[float, ...]:
    """Return the values that a fact may be written as in a `Numeral` of `kind`; empty for a different kind."""
    value = fact.number or 0.0
    units = OF_KIND.get((fact.unit, kind))
    return tuple(value * factor for factor in units) if units else ()


def fits(numeral: Numeral, fact: Fact, *, named: bool = False) -> bool:
    """Whether both are equal at the written precision and currency; an unsigned number may be a decrease: `fell 3%`.

    `named`: figure names are nearby, so that a whole number may be a multiple (`a P/E of 20`).
    """
    if numeral.currency and fact.unit is Unit.MONEY and not _same_money(numeral.currency, fact.currency):
        return False
    whole = numeral.kind is Kind.PLAIN and numeral.tolerance == 0.5
    if named and fact.unit is Unit.MULTIPLE and numeral.value >= 5:
        whole = False
    if whole and fact.unit in {Unit.RATIO, Unit.PERCENT, Unit.MULTIPLE}:
        return False  # a bare `1` does not match a ratio of 0.7
    for value in forms(fact, numeral.kind):
        slack = numeral.tolerance * (1 + 1e-9) + 1e-12 * max(1.0, abs(value))
        said = numeral.value - value if numeral.signed else abs(numeral.value) - abs(value)
        if abs(said) <= slack:
            return True
    return False


WITHOUT_CENTS = frozenset({"GBP", "JPY", "KRW", "INR", "CNY", "TWD"})


def _same_money(written: str, currency: str | None) -> bool:
    """Whether both are one currency; `$` is always the US dollar, because a report may contain two currencies."""
    if written == "\u00a2":
        return currency not in WITHOUT_CENTS
    return written == currency or (written == "$" and currency == "USD")


def same(numeral: Numeral, other: Numeral) -> bool:
    """Whether two numbers are equal at the lower of both precisions."""
    money = numeral.currency in (None, other.currency) or other.currency is None
    near = abs(numeral.value - other.value) <= min(numeral.tolerance, other.tolerance)
    return money and numeral.kind is other.kind and near


def nearest(numeral: Numeral, facts: Sequence[Fact]) -> str | None:
    """Return the id of the fact of the same kind with the closest value."""
    distances = [(abs(numeral.value - form), fact.id) for fact in facts for form in forms(fact, numeral.kind)]
    return min(distances)[1] if distances else None
