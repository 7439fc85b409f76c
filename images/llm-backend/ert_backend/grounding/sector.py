"""What says little about a bank or an insurer, by the sector and industry that were supplied. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum

from ert_backend.grounding.facts import Fact, Unit


class Kind(StrEnum):
    """The kind of company, as far as it decides which figures mean something."""

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
# Shown where they were supplied, and not missing where they were not.
NOT_MISSED = frozenset({"operatingIncome", "totalDebt", "totalCash"})


def kind_of(facts: Mapping[str, Fact]) -> Kind:
    """The kind that the company's own industry says it is; the sector is too coarse to say."""
    fact = facts.get("industry")
    industry = str(fact.value) if fact is not None and fact.unit is Unit.TEXT else ""
    if INSURER.search(industry) and not BROKER.search(industry):
        return Kind.INSURER
    return Kind.BANK if BANK.search(industry) else Kind.OTHER


def beside_the_point(kind: Kind) -> frozenset[str]:
    """The figures that are not shown for this kind of company, supplied or not."""
    return frozenset() if kind is Kind.OTHER else OF_INDUSTRY


def missed(kind: Kind, name: str) -> bool:
    """Whether the report on this kind of company names the figure as a gap when it was not supplied."""
    return kind is Kind.OTHER or name not in OF_INDUSTRY | NOT_MISSED
