"""Section definitions: the five sections of a report, their tasks for the model, and their tables. Data only."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Section:
    """One section. `tables` are titles with fact ids."""

    name: str
    task: str
    tables: tuple[tuple[str, tuple[str, ...]], ...]


SECTIONS: tuple[Section, ...] = (
    Section(
        "executive_summary",
        "Write the executive summary: what the company does, how it earns its money, how profitable it is and how the"
        " market values it. Three short paragraphs.",
        (
            (
                "Snapshot",
                (
                    "currentPrice",
                    "marketCap",
                    "totalRevenue",
                    "netIncomeToCommon",
                    "trailingPE",
                    "priceToEarnings",
                    "impliedUpside",
                ),
            ),
        ),
    ),
    Section(
        "financial_analysis",
        "Write the financial analysis: size and growth of revenue, gross, operating and net margin, returns on capital,"
        " cash flow and the balance sheet. Say what is strong and what is weak. Three short paragraphs.",
        (
            (
                "Income and cash",
                (
                    "totalRevenue",
                    "netInterestIncome",
                    "premiumsEarned",
                    "grossProfits",
                    "operatingIncome",
                    "ebitda",
                    "netIncomeToCommon",
                    "trailingEps",
                    "fundsFromOperations",
                    "operatingCashflow",
                    "freeCashflow",
                ),
            ),
            (
                "Margins, growth and returns",
                (
                    "grossMargins",
                    "grossMargin",
                    "operatingMargins",
                    "operatingMargin",
                    "profitMargins",
                    "netMargin",
                    "freeCashflowMargin",
                    "revenueGrowth",
                    "earningsGrowth",
                    "returnOnEquity",
                    "returnOnAssets",
                ),
            ),
            (
                "Balance sheet",
                (
                    "totalAssets",
                    "totalDeposits",
                    "totalLiabilities",
                    "stockholdersEquity",
                    "totalCash",
                    "totalDebt",
                    "netDebt",
                    "debtToEquity",
                    "currentRatio",
                    "quickRatio",
                    "cashRunway",
                    "operatingRunway",
                ),
            ),
        ),
    ),
    Section(
        "investment_thesis",
        "Write the investment thesis: three to five points for owning the share, each resting on a figure from the"
        " list, and what would have to happen for each to fail. Use a bullet per point.",
        (
            (
                "Evidence",
                (
                    "revenueGrowth",
                    "operatingMargins",
                    "operatingMargin",
                    "returnOnEquity",
                    "freeCashflow",
                    "freeCashflowYield",
                ),
            ),
        ),
    ),
    Section(
        "valuation_analysis",
        "Write the valuation analysis: what the multiples say about the market's expectations, how price compares with"
        " its range and with the analysts' target if one is listed. Do not set a price target. Two short paragraphs.",
        (
            (
                "Multiples",
                (
                    "trailingPE",
                    "priceToEarnings",
                    "forwardPE",
                    "pegRatio",
                    "priceToBook",
                    "priceToSalesTrailing12Months",
                    "priceToSales",
                    "enterpriseToRevenue",
                    "evToSales",
                    "enterpriseToEbitda",
                    "evToEbitda",
                    "freeCashflowYield",
                ),
            ),
            (
                "Price",
                (
                    "currentPrice",
                    "fiftyTwoWeekHigh",
                    "fiftyTwoWeekLow",
                    "belowHigh",
                    "targetMeanPrice",
                    "impliedUpside",
                    "dividendRate",
                    "dividendYield",
                ),
            ),
        ),
    ),
    Section(
        "risk_analysis",
        "Write the risk analysis: the business, financial and market risks that follow from the description and the"
        " figures, how severe each is and what limits it. Use a bullet per risk.",
        (
            (
                "Risk figures",
                ("beta", "debtToEquity", "debtToAssets", "debtToEbitda", "currentRatio", "quickRatio", "belowHigh"),
            ),
        ),
    ),
)

BY_NAME = {section.name: section for section in SECTIONS}
DEFAULT_ORDER = tuple(BY_NAME)
