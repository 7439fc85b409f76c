"""Market data model: the protocol of all data sources, and the request body of a report.

Every value has its source and its as-of date, and every company the kind of its data. Missing values are never
estimated: a value that the source does not state is null. Field names are those of `yfinance`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class Fact:
    """A figure: money as absolute values, ratios as fractions, `debtToEquity` in percent.

    Prices, targets, dividends and market capitalization are in the currency of the quote, all other money in that of
    the statements. `link` is the https URL of the filing.
    """

    value: float | None
    as_of: str
    source: str
    filing: str | None = None
    link: str | None = None


@dataclass(frozen=True)
class Company:
    """Profile and figures of a company as of `as_of` (`YYYY-MM-DD`).

    `currency` is that of the statements (ISO 4217), `quote_currency` that of the price in the notation of the exchange
    (`GBp` for pence); None if the source does not state it.
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
        """Return the line displayed with every figure."""
        source = "fictional company" if self.fictional else self.source
        return f"{self.kind}, as of {self.as_of}: {source}"


@dataclass(frozen=True)
class Listing:
    """Entry of a company in search results."""

    ticker: str
    name: str
    label: str
    sector: str | None = None
    fictional: bool = False
    as_of: str | None = None


class SourceAway(Exception):
    """Raised when a data source is unavailable. The message is safe to display; `after` is the delay in seconds."""

    def __init__(self, message: str, after: float) -> None:
        super().__init__(message)
        self.after = after


class MarketData(Protocol):
    """Source of company data. An unknown ticker is not an error; a network source can raise `SourceAway`."""

    kind: str

    def find(self, ticker: str) -> Company | None:
        """Return the company of an upper-case ticker in either share-class spelling, or None, within a few seconds."""
        ...

    def search(self, text: str) -> list[Listing]:
        """Return companies whose ticker or name contains `text` (case-insensitive); for an empty string, suggestions.

        Never blocks or raises: a source that has to send a request first returns an empty list.
        """
        ...

    def known(self) -> list[str]:
        """Return the tickers to suggest when a ticker is unknown, sorted."""
        ...


# Inputs of computed figures, under the dashboard's own names: not sent, the backend expects `yfinance` names only.
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
    """Build the JSON request body of a report, without the id."""
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
    """Return the provenance of a figure; `source_url` is the link for figures from the company's main source."""
    link = fact.link or (company.source_url if fact.source == company.source else None)
    return {"as_of": fact.as_of, "source": fact.source, "filing": fact.filing, "link": link}
