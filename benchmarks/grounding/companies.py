"""The bundled sample companies as the backend sees them: facts, evidence and the texts they came with."""

from __future__ import annotations

from dataclasses import dataclass

from ert_backend.derive import derive
from ert_backend.facts import Fact, collect
from ert_backend.grounding import Evidence, evidence
from ert_backend.intake import ReportRequest
from ert_backend.report import brief_of
from ert_dashboard.market import SampleMarket, report_request

TICKERS = ("AAPL", "BRK-B", "MSFT", "NVDA", "ZZZT")


@dataclass(frozen=True, slots=True)
class Subject:
    """One company: its request, its facts by id, and what its numbers are checked against."""

    ticker: str
    request: ReportRequest
    facts: dict[str, Fact]
    known: Evidence


def subject(ticker: str) -> Subject:
    """The company behind a ticker of the samples."""
    company = SampleMarket().find(ticker)
    assert company is not None, ticker
    request = ReportRequest.model_validate(report_request(company))
    groups = {
        "company_data": request.company_data,
        "financial_data": request.financial_data,
        "market_data": request.market_data or {},
    }
    facts = derive(collect(groups)[0])
    return Subject(ticker, request, facts, evidence(facts.values(), brief_of(request, facts).texts()))
