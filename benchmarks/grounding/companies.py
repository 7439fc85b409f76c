"""The bundled sample companies as processed by the backend: facts, `Evidence` and the request's text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ert_backend.base.report_request import ReportRequest
from ert_backend.grounding.check import Evidence, evidence
from ert_backend.grounding.facts import Fact
from ert_backend.grounding.figures import figures
from ert_backend.reports.report import brief_of
from ert_dashboard.market.model import report_request
from ert_dashboard.market.sources_chain import samples

TICKERS = ("AAPL", "BRK-B", "MSFT", "NVDA", "ZZZT")


@dataclass(frozen=True, slots=True)
class Subject:
    """One company: its request, its facts by id, and the `Evidence` for its numbers."""

    ticker: str
    request: ReportRequest
    facts: dict[str, Fact]
    known: Evidence


def subject(ticker: str) -> Subject:
    """Return the sample company of a ticker."""
    company = samples().find(ticker)
    assert company is not None, ticker
    return about(report_request(company))


def about(body: Mapping[str, Any]) -> Subject:
    """Return the company of a request."""
    request = ReportRequest.model_validate(body)
    facts = figures(request).told
    brief = brief_of(request, facts)
    return Subject(
        request.ticker, request, facts, evidence(facts.values(), brief.texts(), (brief.company, request.ticker))
    )


INVENTED: dict[str, Any] = {
    "ticker": "NRDC",
    "company_data": {
        "longName": "Nordic Compute (invented)",
        "longBusinessSummary": "The company employs 12,400 people in 9 countries. It was listed in 2011 and opened a"
        " plant in 2019.",
    },
    "financial_data": {
        "as_of": "2025-12-31",
        "currency": "USD",
        "financialCurrency": "USD",
        "totalRevenue": 8_431_000_000,
        "operatingIncome": 1_276_000_000,
        "profitMargins": 0.117,
        "revenueGrowth": -0.064,
        "trailingPE": 21.7,
        "history": [
            {"period": "FY2024", "totalRevenue": 9_007_000_000, "operatingIncome": 1_512_000_000},
            {"period": "FY2023", "totalRevenue": 7_654_000_000, "operatingIncome": 1_098_000_000},
        ],
        "quarters": [
            {"period": "2025-Q3", "totalRevenue": 2_160_000_000, "operatingIncome": 338_000_000},
            {"period": "2025-Q2", "totalRevenue": 1_980_000_000, "operatingIncome": 291_000_000},
        ],
    },
    "market_data": {
        "peer_metrics": [
            {"ticker": "ALFA", "trailingPE": 33.9, "totalRevenue": 15_700_000_000, "financialCurrency": "USD"},
            {"ticker": "BETA", "trailingPE": 14.2, "totalRevenue": 3_300_000_000, "financialCurrency": "USD"},
        ],
        "recent_headlines": [
            "Nordic Compute wins a $640 million order for 2026",
            "Third quarter revenue of $2.16 billion beats",
        ],
    },
}


def invented() -> Subject:
    """Return a fictitious company with years, quarters, peers and headlines, which the bundled ones lack."""
    return about(INVENTED)
