"""The figures that are not meaningful for a bank or an insurer, selected by the industry field."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum

from ert_backend.grounding.facts import Fact, Unit


class Kind(StrEnum):
    """The type of company, which determines the figures that are meaningful."""

    BANK = "bank"
    INSURER = "insurer"
    OTHER = "company"


BANK = re.compile(r"\bbank(?:s|ing)?\b|\bthrifts?\b|\bmortgage finance\b|\bcredit services\b", re.IGNORECASE)
INSURER = re.compile(r"\b(?:re)?insurance\b|\b(?:re)?insurers?\b", re.IGNORECASE)
BROKER = re.compile(r"\bbrokers?\b", re.IGNORECASE)
# Debt is the raw material of both, and free cash flow and current assets are those of their customers.
OF_INDUSTRY = frozenset(
    {
        "grossProfits",
        "grossProfit",
        "grossMargins",
        "grossMargin",
        "ebitda",
        "ebitdaMargins",
        "enterpriseValue",
        "enterpriseToRevenue",
        "enterpriseToEbitda",
        "evToSales",
        "evToEbitda",
        "netDebt",
        "debtToEbitda",
        "debtToAssets",
        "freeCashflow",
        "freeCashflowMargin",
        "freeCashflowYield",
        "cashConversion",
        "cashRunway",
        "operatingRunway",
        "currentRatio",
        "quickRatio",
    }
)
# Shown if given, but not listed as missing otherwise.
NOT_MISSED = frozenset({"operatingIncome", "totalDebt", "totalCash"})


def kind_of(facts: Mapping[str, Fact]) -> Kind:
    """Return the type from the company's own industry field; the sector is too coarse."""
    fact = facts.get("industry")
    industry = str(fact.value) if fact is not None and fact.unit is Unit.TEXT else ""
    if INSURER.search(industry) and not BROKER.search(industry):
        return Kind.INSURER
    return Kind.BANK if BANK.search(industry) else Kind.OTHER


def beside_the_point(kind: Kind) -> frozenset[str]:
    """Return the figures that are never shown for this type of company."""
    return frozenset() if kind is Kind.OTHER else OF_INDUSTRY


def missed(kind: Kind, name: str) -> bool:
    """Whether the report on this type of company lists the figure as missing when it is absent."""
    return kind is Kind.OTHER or name not in OF_INDUSTRY | NOT_MISSED
