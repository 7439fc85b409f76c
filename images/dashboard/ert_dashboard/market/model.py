"""Where the figures of a report come from: one protocol for every source, and the body a report is asked with.

Every value carries its source and its as-of date, and every company says of what kind its figures are. No figure is
ever made up to fill a hole: what a source does not state is null. Field names are yfinance's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class Fact:
    """One figure: money absolute, ratios as fractions, `debtToEquity` in percent.

    Prices, targets, dividends and the market's value of the company are in the quote's currency, all other money is in
    that of the statements. `link` is the filing's https address.
    """

    value: float | None
    as_of: str
    source: str
    filing: str | None = None
    link: str | None = None


@dataclass(frozen=True)
class Company:
    """One company's text and figures, frozen at `as_of` (ISO date).

    `currency` is that of the statements (ISO 4217), `quote_currency` that of the price as its exchange writes it (`GBp`
    for pence); None where the source does not say.
    """

    ticker: str
    name: str
    sector: str | None
    fictional: bool
    as_of: str
    currency: str | None
    source: str
    source_url: str | None
    note: str
    profile: Mapping[str, str | None]
    facts: Mapping[str, Fact]
    kind: str
    quote_currency: str | None = None

    def label(self) -> str:
        """The line that stands beside every figure shown."""
        source = "fictional company" if self.fictional else self.source
        return f"{self.kind}, as of {self.as_of}: {source}"


@dataclass(frozen=True)
class Listing:
    """A company as a list of choices shows it."""

    ticker: str
    name: str
    label: str
    sector: str | None = None
    fictional: bool = False
    as_of: str | None = None


class SourceAway(Exception):
    """A source that would have to be asked does not answer now. The text may be shown; `after`: seconds to wait."""

    def __init__(self, message: str, after: float) -> None:
        super().__init__(message)
        self.after = after


class MarketData(Protocol):
    """A source of company figures. An unknown ticker is no error; a source on the network may raise `SourceAway`."""

    kind: str

    def find(self, ticker: str) -> Company | None:
        """The company behind an upper-case ticker in either share-class spelling, or None. At most a few seconds."""
        ...

    def search(self, text: str) -> list[Listing]:
        """Companies whose ticker or name holds `text` (case-insensitive), for an empty text those worth showing.

        Returns at once and never raises: a source that would have to be asked first returns nothing yet.
        """
        ...

    def known(self) -> list[str]:
        """The tickers worth naming to somebody whose ticker nobody knows, sorted."""
        ...


# Figures that others are computed from, under names of our own: they stay here, the backend gets yfinance's names only.
_BASES = frozenset(
    {
        "priorTotalRevenue",
        "priorNetIncomeToCommon",
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
            "currency": company.quote_currency,
            "financialCurrency": company.currency,
            "as_of": company.as_of,
        },
        "market_data": {
            "data_label": company.kind,
            "note": company.note,
            "as_of": company.as_of,
            "source": company.source,
            "provenance": {name: _provenance(fact, company) for name, fact in sent.items() if fact.value is not None},
        },
        "sections": sections,
    }


def _provenance(fact: Fact, company: Company) -> dict[str, str | None]:
    """What is said of where a figure comes from; the company's own page is the link of what its source states."""
    link = fact.link or (company.source_url if fact.source == company.source else None)
    return {"as_of": fact.as_of, "source": fact.source, "filing": fact.filing, "link": link}
