"""A report's figures from a few supplied ones, for tests that need no model."""

from __future__ import annotations

from typing import Any

from ert_backend.base.report_request import ReportRequest
from ert_backend.grounding.figures import Figures, figures
from ert_backend.reports.display import show
from ert_backend.reports.sentences import sentences


def figured(financial: dict[str, Any], ticker: str = "ACME", **groups: dict[str, Any]) -> Figures:
    """The figures of a request with these `financial_data`; `company` and `market` are the other groups."""
    return figures(
        ReportRequest(
            ticker=ticker,
            company_data=groups.get("company", {}),
            financial_data=financial,
            market_data=groups.get("market", {}),
        )
    )


def shown(found: Figures, name: str) -> str | None:
    """How the figure is printed; None where there is none."""
    return show(found.facts[name]) if name in found.facts else None


def said(found: Figures, section: str, company: str = "Acme") -> str:
    """What code writes for a section."""
    return " ".join(sentence.text for sentence in sentences(section, found, company))
