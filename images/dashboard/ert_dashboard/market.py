"""Where the figures of a report come from: one protocol, and the bundled sample companies behind it.

Every value carries its source and its as-of date, and all of it is labelled as sample data. Nothing is fetched, and no
figure is ever made up to fill a hole: what a filing does not state is null. Field names are yfinance's.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any, Protocol

from ert_dashboard.tickers import sec_spelling

LABEL = "sample data"


@dataclass(frozen=True)
class Fact:
    """One figure: money absolute in the filing's currency, ratios as fractions, `debtToEquity` in percent."""

    value: float | None
    as_of: str
    source: str


@dataclass(frozen=True)
class Company:
    """One company's text and figures, frozen at `as_of` (ISO date)."""

    ticker: str
    name: str
    sector: str | None
    fictional: bool
    as_of: str
    currency: str
    source: str
    source_url: str | None
    note: str
    profile: Mapping[str, str | None]
    facts: Mapping[str, Fact]

    def label(self) -> str:
        """The line that stands beside every figure shown."""
        kind = "fictional company" if self.fictional else self.source
        return f"{LABEL}, as of {self.as_of}: {kind}"


class MarketData(Protocol):
    """A source of company figures. Lookups return at once and never raise for an unknown ticker."""

    def find(self, ticker: str) -> Company | None:
        """The company behind an upper-case ticker in either share-class spelling, or None."""
        ...

    def search(self, text: str) -> list[Company]:
        """Companies whose ticker or name holds `text` (case-insensitive); all of them for an empty text."""
        ...

    def known(self) -> list[str]:
        """The tickers this source can answer, sorted."""
        ...


class SampleMarket:
    """The companies of `sample_data/`, read once."""

    def __init__(self) -> None:
        self._companies = {company.ticker: company for company in _read_all()}

    def find(self, ticker: str) -> Company | None:
        return self._companies.get(sec_spelling(ticker))

    def search(self, text: str) -> list[Company]:
        needle = text.strip().casefold()
        spelled = sec_spelling(needle.upper()).casefold()
        return [
            company
            for ticker, company in sorted(self._companies.items())
            if needle in ticker.casefold() or spelled in ticker.casefold() or needle in company.name.casefold()
        ]

    def known(self) -> list[str]:
        return sorted(self._companies)


# Figures that others are computed from, under names of our own: they stay here, the backend gets yfinance's names only.
_BASES = frozenset(
    {
        "priorTotalRevenue",
        "priorNetIncomeToCommon",
        "stockholdersEquity",
        "currentAssets",
        "currentLiabilities",
        "capitalExpenditures",
    }
)


def report_request(company: Company, sections: list[str] | None = None) -> dict[str, Any]:
    """The JSON body a report is asked with, the id left out."""
    sent = {name: fact for name, fact in company.facts.items() if name not in _BASES}
    return {
        "ticker": company.ticker,
        "company_data": {"ticker": company.ticker, **company.profile},
        "financial_data": {
            **{name: fact.value for name, fact in sent.items()},
            "financialCurrency": company.currency,
            "as_of": company.as_of,
        },
        "market_data": {
            "data_label": LABEL,
            "note": company.note,
            "as_of": company.as_of,
            "source": company.source,
            "provenance": {
                name: {"as_of": fact.as_of, "source": fact.source}
                for name, fact in sent.items()
                if fact.value is not None
            },
        },
        "sections": sections,
    }


def _read_all() -> list[Company]:
    folder = resources.files(__package__) / "sample_data"
    return [
        _company(json.loads(entry.read_text(encoding="utf-8")))
        for entry in folder.iterdir()
        if entry.name.endswith(".json")
    ]


def _company(document: Mapping[str, Any]) -> Company:
    filing = document["filing"]
    facts = {name: Fact(**entry) for name, entry in document["financial"].items()}
    return Company(
        ticker=document["ticker"],
        name=document["company"]["longName"],
        sector=document["company"]["sector"],
        fictional=document["fictional"],
        as_of=filing["period_end"],
        currency=filing["currency"],
        source=filing["description"],
        source_url=filing["url"],
        note=document["note"],
        profile=document["company"],
        facts={**_derived(facts, filing["period_end"]), **facts},
    )


def _ratio(top: float, bottom: float) -> float:
    return top / bottom


def _percent(top: float, bottom: float) -> float:
    return 100 * top / bottom


def _growth(now: float, before: float) -> float:
    return now / before - 1


def _difference(whole: float, part: float) -> float:
    return whole - part


# name: (how, left, right). Only from two stated figures; over a base of zero or less a ratio says nothing.
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


def _derived(facts: Mapping[str, Fact], as_of: str) -> dict[str, Fact]:
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
