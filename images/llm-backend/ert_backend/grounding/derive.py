"""Figures that follow from the supplied ones by arithmetic, each with its formula. Pure.

A supplied figure is never replaced by a derived one, and nothing is derived from a missing, zero or senseless base.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ert_backend.grounding.facts import Fact, Unit

Operation = Callable[[float, float], float | None]


@dataclass(frozen=True, slots=True)
class Rule:
    """`id` from `left` and `right` by `operation`; skipped where any id of `instead_of` was supplied."""

    id: str
    label: str
    unit: Unit
    left: str
    right: str
    operation: Operation
    formula: str
    instead_of: tuple[str, ...] = ()


def _share(left: float, right: float) -> float | None:
    return left / right if right > 0 else None


def _multiple(left: float, right: float) -> float | None:
    return left / right if left > 0 and right > 0 else None


def _change(left: float, right: float) -> float | None:
    return left / right - 1 if right > 0 else None


def _less(left: float, right: float) -> float | None:
    return left - right


RULES: tuple[Rule, ...] = (
    Rule("grossMargin", "Gross margin", Unit.RATIO, "grossProfits", "totalRevenue", _share, "/", ("grossMargins",)),
    Rule(
        "operatingMargin",
        "Operating margin",
        Unit.RATIO,
        "operatingIncome",
        "totalRevenue",
        _share,
        "/",
        ("operatingMargins",),
    ),
    Rule("netMargin", "Net margin", Unit.RATIO, "netIncomeToCommon", "totalRevenue", _share, "/", ("profitMargins",)),
    Rule("freeCashflowMargin", "Free cash flow margin", Unit.RATIO, "freeCashflow", "totalRevenue", _share, "/"),
    Rule("freeCashflowYield", "Free cash flow yield", Unit.RATIO, "freeCashflow", "marketCap", _share, "/"),
    Rule("cashConversion", "Cash conversion", Unit.RATIO, "freeCashflow", "netIncomeToCommon", _share, "/"),
    Rule("netDebt", "Net debt", Unit.MONEY, "totalDebt", "totalCash", _less, "-"),
    Rule("debtToAssets", "Debt to assets", Unit.RATIO, "totalDebt", "totalAssets", _share, "/"),
    Rule("debtToEbitda", "Debt to EBITDA", Unit.MULTIPLE, "totalDebt", "ebitda", _multiple, "/"),
    Rule(
        "evToSales",
        "EV to revenue",
        Unit.MULTIPLE,
        "enterpriseValue",
        "totalRevenue",
        _multiple,
        "/",
        ("enterpriseToRevenue",),
    ),
    Rule(
        "evToEbitda",
        "EV to EBITDA",
        Unit.MULTIPLE,
        "enterpriseValue",
        "ebitda",
        _multiple,
        "/",
        ("enterpriseToEbitda",),
    ),
    Rule(
        "priceToEarnings",
        "Price to earnings",
        Unit.MULTIPLE,
        "marketCap",
        "netIncomeToCommon",
        _multiple,
        "/",
        ("trailingPE",),
    ),
    Rule(
        "priceToSales",
        "Price to sales",
        Unit.MULTIPLE,
        "marketCap",
        "totalRevenue",
        _multiple,
        "/",
        ("priceToSalesTrailing12Months",),
    ),
    Rule(
        "belowHigh", "Distance from the 52-week high", Unit.RATIO, "currentPrice", "fiftyTwoWeekHigh", _change, "/ -1"
    ),
    Rule("aboveLow", "Distance from the 52-week low", Unit.RATIO, "currentPrice", "fiftyTwoWeekLow", _change, "/ -1"),
    Rule(
        "impliedUpside",
        "Change to the mean analyst target",
        Unit.RATIO,
        "targetMeanPrice",
        "currentPrice",
        _change,
        "/ -1",
    ),
)

# Other spellings and places of the same figure, tried in order when the first is absent.
SAME_AS: Mapping[str, tuple[str, ...]] = {
    "totalRevenue": ("revenue",),
    "grossProfits": ("grossProfit",),
    "netIncomeToCommon": ("netIncome",),
    "targetMeanPrice": ("analyst_estimates.targetMeanPrice",),
}


def derive(facts: Mapping[str, Fact]) -> dict[str, Fact]:
    """The facts given, with all that follows from them added."""
    derived = {rule.id: fact for rule in RULES if (fact := _apply(rule, facts)) is not None}
    return {**facts, **{name: fact for name, fact in derived.items() if name not in facts}}


def find(facts: Mapping[str, Fact], name: str) -> Fact | None:
    """A fact by its id or by another spelling of it."""
    return next((facts[key] for key in (name, *SAME_AS.get(name, ())) if key in facts), None)


def _apply(rule: Rule, facts: Mapping[str, Fact]) -> Fact | None:
    left, right = find(facts, rule.left), find(facts, rule.right)
    if left is None or right is None or any(name in facts for name in rule.instead_of):
        return None
    if left.number is None or right.number is None:
        return None
    value = rule.operation(left.number, right.number)
    if value is None:
        return None
    base = f"{left.id} {rule.formula[0]} {right.id}{rule.formula[1:]}"
    as_of, period = left.as_of or right.as_of, left.period or right.period
    return Fact(rule.id, rule.label, value, rule.unit, as_of, f"derived: {base}", left.currency, period)
