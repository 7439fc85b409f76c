"""Accounting identities: figures of one request that conflict, within a tolerance.

A conflict does not determine which side is invalid, so both are named and neither is used in a sentence. Only figures
of the company itself are compared, of one date and in one currency, as far as both are known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ert_backend.grounding.derive import find
from ert_backend.grounding.facts import Fact, Unit
from ert_backend.grounding.vocabulary import OF_QUOTE

Holds = Callable[..., bool]
SHARES = "impliedSharesOutstanding|sharesOutstanding"
EQUITY = "stockholdersEquity"


@dataclass(frozen=True, slots=True)
class Identity:
    """A rule for the figures `names` (`a|b`: the first that exists); `says` is the rule as text."""

    id: str
    says: str
    names: tuple[str, ...]
    holds: Holds


@dataclass(frozen=True, slots=True)
class Conflict:
    """One identity that does not hold, with its facts; `left_out` are the ids excluded from the text."""

    id: str
    says: str
    facts: tuple[Fact, ...]
    left_out: tuple[str, ...]


def _near(share: float, floor: float = 0.0) -> Callable[[float, float], bool]:
    """Return a test that is true within a fraction of the larger side, or within `floor`."""
    return lambda left, right: abs(left - right) <= max(share * max(abs(left), abs(right)), floor)


def _quotient(share: float, floor: float = 0.0, times: float = 1.0) -> Holds:
    near = _near(share, floor)
    return lambda stated, top, bottom: bottom == 0 or near(stated, times * top / bottom)


def _product(share: float) -> Holds:
    near = _near(share)
    return lambda whole, part, count: near(whole, part * count)


def _at_most(slack: float) -> Holds:
    return lambda less, more: less <= more + slack * max(abs(less), abs(more))


def _within(low: float, high: float) -> Holds:
    return lambda left, right: right <= 0 or low <= left / right <= high


IDENTITIES: tuple[Identity, ...] = (
    Identity("grossMargins", "gross margin = gross profit / revenue",
             ("grossMargins", "grossProfits", "totalRevenue"), _quotient(0.05, 0.01)),
    Identity("operatingMargins", "operating margin = operating income / revenue",
             ("operatingMargins", "operatingIncome", "totalRevenue"), _quotient(0.05, 0.01)),
    Identity("profitMargins", "net margin = net income / revenue",
             ("profitMargins", "netIncomeToCommon", "totalRevenue"), _quotient(0.05, 0.01)),
    Identity("ebitdaMargins", "EBITDA margin = EBITDA / revenue",
             ("ebitdaMargins", "ebitda", "totalRevenue"), _quotient(0.05, 0.01)),
    Identity("marketCap", "market capitalisation = share price x shares",
             ("marketCap", "currentPrice", SHARES), _product(0.1)),
    Identity("priceBelowHigh", "the share price is not above the 52-week high",
             ("currentPrice", "fiftyTwoWeekHigh"), _at_most(0.005)),
    Identity("priceAboveLow", "the share price is not below the 52-week low",
             ("fiftyTwoWeekLow", "currentPrice"), _at_most(0.005)),
    Identity("rangeInOrder", "the 52-week low is not above the high",
             ("fiftyTwoWeekLow", "fiftyTwoWeekHigh"), _at_most(0.0)),
    Identity("previousClose", "the share price is between half and twice the previous close",
             ("currentPrice", "previousClose"), _within(0.5, 2.0)),
    Identity("trailingPE", "P/E = share price / earnings per share",
             ("trailingPE", "currentPrice", "trailingEps"), _quotient(0.1)),
    Identity("forwardPE", "forward P/E = share price / forward earnings per share",
             ("forwardPE", "currentPrice", "forwardEps"), _quotient(0.1)),
    Identity("priceToBook", "price to book = share price / book value per share",
             ("priceToBook", "currentPrice", "bookValue"), _quotient(0.1)),
    Identity("priceToSales", "price to sales = market capitalisation / revenue",
             ("priceToSalesTrailing12Months", "marketCap", "totalRevenue"), _quotient(0.1)),
    Identity("enterpriseToRevenue", "EV to revenue = enterprise value / revenue",
             ("enterpriseToRevenue", "enterpriseValue", "totalRevenue"), _quotient(0.1)),
    Identity("enterpriseToEbitda", "EV to EBITDA = enterprise value / EBITDA",
             ("enterpriseToEbitda", "enterpriseValue", "ebitda"), _quotient(0.1)),
    Identity("enterpriseValue", "enterprise value = market capitalisation + debt - cash",
             ("enterpriseValue", "marketCap", "totalDebt", "totalCash"),
             lambda ev, cap, debt, cash: abs(ev - (cap + debt - cash)) <= 0.25 * max(abs(ev), abs(cap))),
    Identity("revenueGrowth", "revenue growth is below 500 %", ("revenueGrowth",), lambda growth: abs(growth) <= 5),
    Identity("earningsGrowth", "earnings growth is below 500 %", ("earningsGrowth",), lambda growth: abs(growth) <= 5),
    Identity("targetsInOrder", "the lowest analyst target is not above the highest",
             ("targetLowPrice", "targetHighPrice"), _at_most(0.0)),
    Identity("meanBelowHigh", "the mean analyst target is not above the highest",
             ("targetMeanPrice", "targetHighPrice"), _at_most(0.001)),
    Identity("meanAboveLow", "the mean analyst target is not below the lowest",
             ("targetLowPrice", "targetMeanPrice"), _at_most(0.001)),
    Identity("targetNearPrice", "the mean analyst target is between a tenth and ten times the share price",
             ("targetMeanPrice", "currentPrice"), _within(0.1, 10.0)),
    Identity("grossProfits", "gross profit is not above revenue", ("grossProfits", "totalRevenue"), _at_most(0.001)),
    Identity("totalCash", "cash is not above total assets", ("totalCash", "totalAssets"), _at_most(0.001)),
    Identity("balance", "total assets = total liabilities + shareholders' equity",
             ("totalAssets", "totalLiabilities", EQUITY),
             lambda assets, owed, equity: _near(0.1)(assets, owed + equity)),
    Identity("debtToEquity", "debt to equity = debt / shareholders' equity, in percent",
             ("debtToEquity", "totalDebt", EQUITY), _quotient(0.1, 1.0, 100.0)),
    Identity("freeCashflow", "free cash flow is not above operating cash flow",
             ("freeCashflow", "operatingCashflow"), _at_most(0.05)),
    Identity("trailingEps", "net income = earnings per share x shares",
             ("netIncomeToCommon", "trailingEps", SHARES), _product(0.25)),
    Identity("quickRatio", "the quick ratio is not above the current ratio",
             ("quickRatio", "currentRatio"), _at_most(0.01)),
    Identity("dividendYield", "dividend yield = dividend per share / share price",
             ("dividendYield", "dividendRate", "currentPrice"), _quotient(0.1, 0.001)),
    Identity("payoutRatio", "payout ratio = dividend per share / earnings per share",
             ("payoutRatio", "dividendRate", "trailingEps"), _quotient(0.25, 0.02)),
)  # fmt: skip

# Multiples that some sources compute across two currencies: a value equal to that quotient is one of them.
ACROSS: tuple[tuple[str, str, str], ...] = (
    ("trailingPE", "currentPrice", "trailingEps"),
    ("priceToBook", "currentPrice", "bookValue"),
    ("priceToSalesTrailing12Months", "marketCap", "totalRevenue"),
    ("enterpriseToRevenue", "enterpriseValue", "totalRevenue"),
    ("enterpriseToEbitda", "enterpriseValue", "ebitda"),
)


def conflicts(facts: Mapping[str, Fact]) -> list[Conflict]:
    """Return a conflict for every identity that the company's own figures break, in the order of the list."""
    found = [conflict for identity in IDENTITIES if (conflict := _broken(identity, facts)) is not None]
    return [*found, *(conflict for names in ACROSS if (conflict := _mixed(names, facts)) is not None)]


def _broken(identity: Identity, facts: Mapping[str, Fact]) -> Conflict | None:
    held = [_named(name, facts) for name in identity.names]
    known = [fact for fact in held if fact is not None and fact.number is not None]
    if len(known) < len(held) or not _comparable(known):
        return None
    if identity.holds(*(fact.number for fact in known)):
        return None
    return Conflict(identity.id, identity.says, tuple(known), tuple(fact.id for fact in known))


def _mixed(names: tuple[str, str, str], facts: Mapping[str, Fact]) -> Conflict | None:
    held = [find(facts, name) for name in names]
    known = [fact for fact in held if fact is not None and fact.number is not None]
    if len(known) < len(held):
        return None
    stated, top, bottom = (fact.number or 0.0 for fact in known)
    apart = known[1].currency and known[2].currency and known[1].currency != known[2].currency
    if not apart or bottom == 0 or not _near(0.03)(stated, top / bottom):
        return None
    says = f"not a quotient of {known[1].currency} and {known[2].currency}"
    return Conflict(f"{known[0].id}AcrossCurrencies", says, tuple(known), (known[0].id,))


def _named(names: str, facts: Mapping[str, Fact]) -> Fact | None:
    return next((fact for name in names.split("|") if (fact := find(facts, name)) is not None), None)


def _comparable(facts: list[Fact]) -> bool:
    """Whether the facts are comparable: at most one currency, and at most one year among filed figures."""
    currencies = {fact.currency for fact in facts if fact.unit is Unit.MONEY}
    filed = [fact for fact in facts if fact.id not in OF_QUOTE]
    years = {fact.period.year for fact in filed if fact.period and fact.period.year}
    return len(currencies) <= 1 and len(years) <= 1
