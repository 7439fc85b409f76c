"""Ratios and growth rates: computed from figures of one source and date, and marked as computed. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ert_dashboard.market.model import Fact


def _ratio(top: float, bottom: float) -> float:
    return top / bottom


def _percent(top: float, bottom: float) -> float:
    return 100 * top / bottom


def _growth(now: float, before: float) -> float:
    return now / before - 1


def _difference(whole: float, part: float) -> float:
    return whole - part


# name: (function, left, right). Both figures are required; a ratio to a base of zero or less is meaningless.
_DERIVED: dict[str, tuple[Callable[[float, float], float], str, str]] = {
    "grossMargins": (_ratio, "grossProfits", "totalRevenue"),
    "operatingMargins": (_ratio, "operatingIncome", "totalRevenue"),
    "profitMargins": (_ratio, "netIncomeToCommon", "totalRevenue"),
    "returnOnEquity": (_ratio, "netIncomeToCommon", "stockholdersEquity"),
    "returnOnAssets": (_ratio, "netIncomeToCommon", "totalAssets"),
    "currentRatio": (_ratio, "currentAssets", "currentLiabilities"),
    "debtToEquity": (_percent, "totalDebt", "stockholdersEquity"),
    "revenueGrowth": (_growth, "totalRevenue", "priorTotalRevenue"),
    "earningsGrowth": (_growth, "netIncomeToCommon", "priorNetIncomeToCommon"),
    "freeCashflow": (_difference, "operatingCashflow", "capitalExpenditures"),
}


def derived(facts: Mapping[str, Fact], as_of: str) -> dict[str, Fact]:
    """Return the ratios that the figures allow, under `yfinance` names; none with a base of zero or less."""
    found: dict[str, Fact] = {}
    for name, (how, left, right) in _DERIVED.items():
        first, second = _stated(facts, left), _stated(facts, right)
        if first is None or second is None or (how is not _difference and second <= 0):
            continue
        source = f"computed from {left} and {right} of the same source, year-end figures"
        found[name] = Fact(value=round(how(first, second), 6), as_of=as_of, source=source)
    return found


def _stated(facts: Mapping[str, Fact], name: str) -> float | None:
    fact = facts.get(name)
    return None if fact is None else fact.value
