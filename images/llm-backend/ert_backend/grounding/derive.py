"""Derives figures from the input by arithmetic, each with its formula.

A figure of the input is never replaced by a derived one, nothing is derived from a missing, zero or senseless base, and
nothing across two currencies, unless the input has an exchange rate with its source and date.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass

from ert_backend.grounding.exchange import convert
from ert_backend.grounding.facts import NOT_MEANINGFUL, Fact, Unit
from ert_backend.grounding.supplied import values
from ert_backend.grounding.vocabulary import OF_QUOTE

Operation = Callable[[float, float], float | None]


@dataclass(frozen=True, slots=True)
class Rule:
    """Computes `id` from `left` and `right` by `operation`; skipped if the input has any id of `instead_of`."""

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
    return left / right if right else None


def _years(left: float, right: float) -> float | None:
    """Return the years until `left` is used up at a yearly loss of `right`."""
    return left / -right if left > 0 > right else None


def _change(left: float, right: float) -> float | None:
    return left / right - 1 if right > 0 else None


def _less(left: float, right: float) -> float | None:
    return left - right


OVER, CHANGE = "{} / {}", "{} / {} - 1"
RULES: tuple[Rule, ...] = (
    Rule("grossMargin", "Gross margin", Unit.RATIO, "grossProfits", "totalRevenue", _share, OVER, ("grossMargins",)),
    Rule(
        "operatingMargin",
        "Operating margin",
        Unit.RATIO,
        "operatingIncome",
        "totalRevenue",
        _share,
        OVER,
        ("operatingMargins",),
    ),
    Rule(
        "netMargin",
        "Net margin",
        Unit.RATIO,
        "netIncomeToCommon",
        "totalRevenue",
        _share,
        OVER,
        ("profitMargins",),
    ),
    Rule("freeCashflowMargin", "Free cash flow margin", Unit.RATIO, "freeCashflow", "totalRevenue", _share, OVER),
    Rule("freeCashflowYield", "Free cash flow yield", Unit.RATIO, "freeCashflow", "marketCap", _share, OVER),
    Rule("cashConversion", "Cash conversion", Unit.RATIO, "freeCashflow", "netIncomeToCommon", _share, OVER),
    Rule("netDebt", "Net debt", Unit.MONEY, "totalDebt", "totalCash", _less, "{} - {}"),
    Rule("cashRunway", "Cash runway in years", Unit.NUMBER, "totalCash", "freeCashflow", _years, "{} / -{}"),
    Rule(
        "operatingRunway",
        "Cash runway in years, before investment",
        Unit.NUMBER,
        "totalCash",
        "operatingCashflow",
        _years,
        "{} / -{}",
        ("freeCashflow",),
    ),
    Rule("debtToAssets", "Debt to assets", Unit.RATIO, "totalDebt", "totalAssets", _share, OVER),
    Rule("debtToEbitda", "Debt to EBITDA", Unit.MULTIPLE, "totalDebt", "ebitda", _multiple, OVER),
    Rule(
        "evToSales",
        "EV to revenue",
        Unit.MULTIPLE,
        "enterpriseValue",
        "totalRevenue",
        _multiple,
        OVER,
        ("enterpriseToRevenue",),
    ),
    Rule(
        "evToEbitda",
        "EV to EBITDA",
        Unit.MULTIPLE,
        "enterpriseValue",
        "ebitda",
        _multiple,
        OVER,
        ("enterpriseToEbitda",),
    ),
    Rule(
        "priceToEarnings",
        "Price to earnings",
        Unit.MULTIPLE,
        "marketCap",
        "netIncomeToCommon",
        _multiple,
        OVER,
        ("trailingPE",),
    ),
    Rule(
        "priceToSales",
        "Price to sales",
        Unit.MULTIPLE,
        "marketCap",
        "totalRevenue",
        _multiple,
        OVER,
        ("priceToSalesTrailing12Months",),
    ),
    Rule(
        "belowHigh",
        "Distance from the 52-week high",
        Unit.RATIO,
        "currentPrice",
        "fiftyTwoWeekHigh",
        _change,
        CHANGE,
    ),
    Rule(
        "aboveLow",
        "Distance from the 52-week low",
        Unit.RATIO,
        "currentPrice",
        "fiftyTwoWeekLow",
        _change,
        CHANGE,
    ),
    Rule(
        "impliedUpside",
        "Change to the mean analyst target",
        Unit.RATIO,
        "targetMeanPrice",
        "currentPrice",
        _change,
        CHANGE,
    ),
)

# Other spellings and locations of the same figure, tried in order when the first is absent.
SAME_AS: Mapping[str, tuple[str, ...]] = {
    "currentPrice": ("regularMarketPrice",),
    "totalRevenue": ("revenue",),
    "grossProfits": ("grossProfit",),
    "netIncomeToCommon": ("netIncome",),
    "stockholdersEquity": ("totalStockholderEquity",),
    "targetMeanPrice": ("analyst_estimates.targetMeanPrice",),
}


def derive(facts: Mapping[str, Fact], supplied: Container[str] | None = None) -> dict[str, Fact]:
    """Return the facts and those derived from them; a rule is skipped if `supplied` has an id of its `instead_of`."""
    taken = facts if supplied is None else supplied
    derived = {rule.id: fact for rule in _open(taken) if (fact := _apply(rule, facts)) is not None}
    return {**facts, **{name: fact for name, fact in derived.items() if name not in facts}}


def across(facts: Mapping[str, Fact], supplied: Container[str]) -> list[Rule]:
    """Return the rules whose operands are not known to be in one currency."""
    sides = [(rule, _sides(rule, facts)) for rule in _open(supplied)]
    return [rule for rule, pair in sides if pair is not None and not _one_money(*pair)]


def find(facts: Mapping[str, Fact], name: str) -> Fact | None:
    """Return a fact by its id or by another form of it."""
    return next((facts[key] for key in (name, *SAME_AS.get(name, ())) if key in facts), None)


def _open(supplied: Container[str]) -> list[Rule]:
    return [rule for rule in RULES if not any(name in supplied for name in rule.instead_of)]


def _sides(rule: Rule, facts: Mapping[str, Fact]) -> tuple[Fact, Fact] | None:
    left, right = find(facts, rule.left), find(facts, rule.right)
    both = left is not None and right is not None and left.number is not None and right.number is not None
    return (left, right) if both and left and right else None


def _one_money(left: Fact, right: Fact) -> bool:
    """Whether two figures are in one currency; if neither has one, whether both are of the quote or both of filings."""
    if left.unit is not Unit.MONEY or right.unit is not Unit.MONEY:
        return True
    if left.currency is None and right.currency is None:
        return (left.id in OF_QUOTE) == (right.id in OF_QUOTE)
    return left.currency == right.currency


def _apply(rule: Rule, facts: Mapping[str, Fact]) -> Fact | None:
    pair = _sides(rule, facts)
    if pair is None:
        return None
    left, right = pair
    base, amount = right.id, right.number or 0.0
    if not _one_money(left, right):
        turned = convert(amount, right.currency or "", left.currency or "", facts)
        if turned is None:
            return None
        amount, rate = turned
        base = f"({right.id} in {left.currency} by {rate.id} of {rate.as_of}, {rate.source})"
    value: float | str | None = values.number(rule.operation(left.number or 0.0, amount))
    if value is None:
        return None
    if rule.unit is Unit.MULTIPLE and ((left.number or 0.0) < 0 or amount <= 0):
        value = NOT_MEANINGFUL
    formula = "derived: " + rule.formula.format(left.id, base)
    currency = left.currency if rule.unit is Unit.MONEY else None
    as_of, period = left.as_of or right.as_of, left.period or right.period
    return Fact(rule.id, rule.label, value, rule.unit, as_of, formula, currency, period)
