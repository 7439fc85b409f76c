"""The figures of a report, computed from a few supplied values, for tests that need no model."""

from __future__ import annotations

from typing import Any

from ert_backend.base.report_request import ReportRequest
from ert_backend.grounding.figures import Figures, figures
from ert_backend.reports.display import show
from ert_backend.reports.sentences import sentences


def figured(financial: dict[str, Any], ticker: str = "ACME", **groups: dict[str, Any]) -> Figures:
    """Return the figures of a request with these `financial_data`; `company` and `market` are the other groups."""
    return figures(
        ReportRequest(
            ticker=ticker,
            company_data=groups.get("company", {}),
            financial_data=financial,
            market_data=groups.get("market", {}),
        )
    )


def shown(found: Figures, name: str) -> str | None:
    """Return the figure as formatted for the report; None when it is missing."""
    return show(found.facts[name]) if name in found.facts else None


def said(found: Figures, section: str, company: str = "Acme") -> str:
    """Return the sentences that the code generates for a section."""
    return " ".join(sentence.text for sentence in sentences(section, found, company))
