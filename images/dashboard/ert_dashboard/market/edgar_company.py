"""SEC company data: maps the SEC's tags to the dashboard's field names. No I/O.

Companies use different tags for the same figure and change them over time: the first tag *with a value for the period*
is used. Every amount is in the currency of the latest filed year.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from ert_dashboard.market.edgar_facts import (
    Row,
    annual,
    at,
    in_year,
    latest_balance,
    latest_quarter,
    latest_year,
    read_rows,
    units_of,
    year_before,
)

_REVENUE = (
    # The total precedes its largest part: a company that files both also has revenue that is not from contracts.
    "us-gaap:Revenues",
    "us-gaap:RevenueFromContractWithCustomerExcludingAssessedTax",
    "us-gaap:RevenueFromContractWithCustomerIncludingAssessedTax",
    "us-gaap:RevenuesNetOfInterestExpense",
    "us-gaap:SalesRevenueNet",
    "us-gaap:SalesRevenueGoodsNet",
    "ifrs-full:Revenue",
)
_NET_INCOME = (
    "us-gaap:NetIncomeLossAvailableToCommonStockholdersBasic",
    "us-gaap:NetIncomeLoss",
    "us-gaap:ProfitLoss",
    "ifrs-full:ProfitLossAttributableToOwnersOfParent",
    "ifrs-full:ProfitLoss",
)
_FLOWS = {
    "totalRevenue": _REVENUE,
    "grossProfits": ("us-gaap:GrossProfit", "ifrs-full:GrossProfit"),
    "operatingIncome": ("us-gaap:OperatingIncomeLoss", "ifrs-full:ProfitLossFromOperatingActivities"),
    "netIncomeToCommon": _NET_INCOME,
    "operatingCashflow": (
        "us-gaap:NetCashProvidedByUsedInOperatingActivities",
        "us-gaap:NetCashProvidedByUsedInOperatingActivitiesContinuingOperations",
        "ifrs-full:CashFlowsFromUsedInOperatingActivities",
    ),
    "capitalExpenditures": (
        "us-gaap:PaymentsToAcquirePropertyPlantAndEquipment",
        "us-gaap:PaymentsToAcquireProductiveAssets",
        "ifrs-full:PurchaseOfPropertyPlantAndEquipmentClassifiedAsInvestingActivities",
    ),
}
_BALANCES = {
    "totalAssets": ("us-gaap:Assets", "ifrs-full:Assets"),
    "totalLiabilities": ("us-gaap:Liabilities", "ifrs-full:Liabilities"),
    "stockholdersEquity": (
        "us-gaap:StockholdersEquity",
        "us-gaap:StockholdersEquityIncludingPortionAttributableToNoncontrollingInterest",
        "ifrs-full:EquityAttributableToOwnersOfParent",
        "ifrs-full:Equity",
    ),
    "currentAssets": ("us-gaap:AssetsCurrent", "ifrs-full:CurrentAssets"),
    "currentLiabilities": ("us-gaap:LiabilitiesCurrent", "ifrs-full:CurrentLiabilities"),
    "totalCash": ("us-gaap:CashAndCashEquivalentsAtCarryingValue", "ifrs-full:CashAndCashEquivalents"),
    "totalDebt": ("us-gaap:DebtLongtermAndShorttermCombinedAmount",),
}
_EARNINGS_PER_SHARE = (
    "us-gaap:EarningsPerShareDiluted",
    "us-gaap:EarningsPerShareBasic",
    "us-gaap:EarningsPerShareBasicAndDiluted",
    "ifrs-full:DilutedEarningsLossPerShare",
    "ifrs-full:BasicEarningsLossPerShare",
)
_SHARES = ("dei:EntityCommonStockSharesOutstanding", "us-gaap:CommonStockSharesOutstanding")


def company_document(
    ticker: str, name: str, facts: Mapping[str, Any], submissions: Mapping[str, Any], cik: int | None = None
) -> dict[str, Any] | None:
    """Build a document for `read_company` from the `facts` of companyfacts; None if no full fiscal year was filed.

    If `cik`, the SEC's number of the company, is given, each figure links to its filing.
    """
    currency, year = _latest(facts)
    if year is None:
        return None
    end = year.end
    # Balance sheet rows have no duration; the end of the year is taken from the income statement.
    found: dict[str, Row | None] = {
        **{ours: _first(facts, tags, currency, lambda rows: in_year(rows, end)) for ours, tags in _FLOWS.items()},
        **{ours: _first(facts, tags, currency, lambda rows: at(rows, end)) for ours, tags in _BALANCES.items()},
        "priorTotalRevenue": _first(facts, _REVENUE, currency, lambda rows: year_before(rows, end)),
        "priorNetIncomeToCommon": _first(facts, _NET_INCOME, currency, lambda rows: year_before(rows, end)),
        "trailingEps": _first(facts, _EARNINGS_PER_SHARE, f"{currency}/shares", lambda rows: in_year(rows, end)),
        "sharesOutstanding": _first(facts, _SHARES, "shares", latest_balance),
        "latestQuarterRevenue": _newer(_first(facts, _REVENUE, currency, latest_quarter), end),
        "latestQuarterNetIncome": _newer(_first(facts, _NET_INCOME, currency, latest_quarter), end),
    }
    return {
        "ticker": ticker,
        "fictional": False,
        "note": "Figures as filed with the SEC, of the last whole fiscal year; the SEC has no share prices.",
        "filing": {
            "description": f"{name[:200]}, Form {year.form} for the fiscal year to {end.isoformat()} (SEC EDGAR)",
            "url": None,
            "period_end": end.isoformat(),
            "currency": currency,
        },
        "company": {"longName": name[:200], "sector": None, "industry": _text(submissions.get("sicDescription"))},
        "financial": {ours: _entry(row, end, cik) for ours, row in found.items()},
    }


def _latest(facts: Mapping[str, Any]) -> tuple[str, Row | None]:
    """Return the currency and the row of the latest fiscal year.

    If it was filed in two currencies, use the one with more years: the other is a convenience translation.
    """
    best: tuple[date, int, str, Row] | None = None
    tags = (*_REVENUE, *_NET_INCOME)
    for unit in sorted({unit for tag in tags for unit in units_of(facts, tag) if len(unit) == 3 and unit.isupper()}):
        candidates = [read_rows(facts, tag, unit) for tag in tags]
        row = latest_year(candidates)
        if row is not None:
            years = len({year.end for rows in candidates for year in annual(rows)})
            best = (
                max(best, (row.end, years, unit, row), key=lambda it: it[:3]) if best else (row.end, years, unit, row)
            )
    return (best[2], best[3]) if best else ("USD", None)


def _first(facts: Mapping[str, Any], tags: tuple[str, ...], unit: str, choose: Any) -> Row | None:
    """Return the latest row that `choose` finds in any of the tags; for an equal end date that of the first tag."""
    found = [row for tag in tags if (row := choose(read_rows(facts, tag, unit))) is not None]
    return max(found, key=lambda row: row.end, default=None)


def _newer(row: Row | None, end: date) -> Row | None:
    """Return the quarter if it is not older than the year: it ended on the same day or later."""
    return row if row is not None and row.end >= end else None


def _entry(row: Row | None, end: date, cik: int | None) -> dict[str, Any] | None:
    if row is None:
        return {"value": None, "as_of": end.isoformat(), "source": "not stated in the SEC's data for this year"}
    found = {"value": row.value, "as_of": row.end.isoformat(), "source": row.source()}
    return {**found, "link": row.link(cik)} if cik is not None else found


def _text(raw: Any) -> str | None:
    return raw[:200] if isinstance(raw, str) and raw else None
