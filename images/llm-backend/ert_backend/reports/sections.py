"""The five sections of a report: what the model is asked for, the tables beside it, and sentences for when it has none.

Pure data. A code-written sentence is printed only where every figure in it was supplied.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Section:
    """One section. `tables` are titles with fact ids; `{id}` in a `fallback` sentence is a figure."""

    name: str
    task: str
    tables: tuple[tuple[str, tuple[str, ...]], ...]
    fallback: tuple[str, ...]


SECTIONS: tuple[Section, ...] = (
    Section(
        "executive_summary",
        "Write the executive summary: what the company does, how it earns its money, how profitable it is and how the"
        " market values it. Three short paragraphs.",
        (
            (
                "Snapshot",
                ("currentPrice", "marketCap", "totalRevenue", "netIncomeToCommon", "trailingPE", "impliedUpside"),
            ),
        ),
        (
            "{company} works in the {industry} industry of the {sector} sector.",
            "It earned revenue of {totalRevenue} and net income of {netIncomeToCommon}.",
            "The share price is {currentPrice}, which values the equity at {marketCap}.",
            "Trailing earnings are valued at {trailingPE}.",
        ),
    ),
    Section(
        "financial_analysis",
        "Write the financial analysis: size and growth of revenue, gross, operating and net margin, returns on capital,"
        " cash flow and the balance sheet. Say what is strong and what is weak. Three short paragraphs.",
        (
            (
                "Income and cash",
                ("totalRevenue", "grossProfits", "operatingIncome", "ebitda", "netIncomeToCommon", "freeCashflow"),
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
            ("Balance sheet", ("totalCash", "totalDebt", "netDebt", "debtToEquity", "currentRatio", "quickRatio")),
        ),
        (
            "Revenue is {totalRevenue}.",
            "Gross profit is {grossProfits}, operating income {operatingIncome}.",
            "Net income is {netIncomeToCommon}, a net margin of {profitMargins}.",
            "Return on equity is {returnOnEquity} and return on assets {returnOnAssets}.",
            "Debt to equity stands at {debtToEquity}; current assets cover current liabilities {currentRatio}.",
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
        (
            "The case rests on an operating margin of {operatingMargins}.",
            "The case rests on an operating margin of {operatingMargin}.",
            "Return on equity of {returnOnEquity} shows what the capital earns.",
            "Free cash flow of {freeCashflow} can be paid out or invested.",
            "Revenue growth of {revenueGrowth} has to continue for the case to hold.",
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
                ),
            ),
        ),
        (
            "The share trades at {trailingPE} trailing and {forwardPE} forward earnings.",
            "Enterprise value is {enterpriseValue}, or {enterpriseToEbitda} EBITDA.",
            "The market pays {priceToBook} book value.",
            "The mean analyst target is {targetMeanPrice}, {impliedUpside} from the price.",
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
        (
            "The share moves with a beta of {beta} against the market.",
            "Debt to equity of {debtToEquity} sets the financial risk.",
            "A current ratio of {currentRatio} limits how far short-term obligations are covered.",
            "At {trailingPE} trailing earnings a disappointment would weigh on the price.",
        ),
    ),
)

BY_NAME = {section.name: section for section in SECTIONS}
DEFAULT_ORDER = tuple(BY_NAME)

# What a note of this kind should have; what is missing of it is said in the report.
EXPECTED = (
    "currentPrice",
    "marketCap",
    "totalRevenue",
    "operatingIncome",
    "netIncomeToCommon",
    "freeCashflow",
    "totalDebt",
    "totalCash",
    "revenueGrowth",
    "trailingPE",
    "forwardPE",
    "beta",
    "targetMeanPrice",
)
