"""Tables of figure types, and of the ratio between two of them."""

from __future__ import annotations

from collections.abc import Mapping

SELF = ""
QUARTERLY = " of the latest quarter"
PER_SHARE = frozenset(
    {
        "Share price",
        "Previous close",
        "52-week high",
        "52-week low",
        "Book value per share",
        "Earnings per share",
        "Forward earnings per share",
        "Mean analyst target",
        "Highest analyst target",
        "Lowest analyst target",
        "Median analyst target",
    }
)
# Fields outside `vocabulary` that comparisons use: the display name, and whether it is money or per share.
OTHER_FIELDS = {
    "interestExpense": ("Interest expense", "money"),
    "dividendsPaid": ("Dividends", "money"),
    "capitalExpenditures": ("Capital expenditure", "money"),
    "capex": ("Capital expenditure", "money"),
    "researchDevelopment": ("Research and development", "money"),
    "stockholdersEquity": ("Equity", "money"),
    "totalStockholderEquity": ("Equity", "money"),
    "totalCurrentAssets": ("Current assets", "money"),
    "totalCurrentLiabilities": ("Current liabilities", "money"),
    "currentAssets": ("Current assets", "money"),
    "currentLiabilities": ("Current liabilities", "money"),
    "dividendRate": ("Dividend per share", "per share"),
    "fiftyDayAverage": ("50-day average", "per share"),
    "twoHundredDayAverage": ("200-day average", "per share"),
}
# Figures that add up over the parts of a year.
FLOWS = frozenset(
    {
        "Revenue",
        "Gross profit",
        "Operating income",
        "EBITDA",
        "Net income",
        "Operating cash flow",
        "Free cash flow",
        "Interest expense",
        "Dividends",
        "Capital expenditure",
        "Research and development",
    }
)
SUMS = (
    ("Equity", "Total assets", "Total liabilities"),
    ("Net debt", "Total debt", "Cash"),
    ("Net cash", "Cash", "Total debt"),
)
# A ratio that is derived: the figure over the payment.
COVERS = (
    ("Operating income", "Interest expense", "Interest cover"),
    ("Net income", "Dividends", "Dividend cover"),
    ("Net debt", "EBITDA", "Net debt to EBITDA"),
    ("Total debt", "EBITDA", "Debt to EBITDA"),
)
GROWTH = {
    "Revenue": "Revenue growth",
    "Net income": "Earnings growth",
    "Earnings per share": "Earnings growth",
}
# Left over right, by the name of the ratio.
QUOTIENTS: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("Current assets", "Current liabilities"): ("Current ratio",),
    ("Total debt", "Equity"): ("Debt to equity",),
    ("Total debt", "Total assets"): ("Debt to assets",),
    ("Total debt", "EBITDA"): ("Debt to EBITDA",),
    ("Share price", "Book value per share"): ("Price to book",),
    ("Market capitalisation", "Equity"): ("Price to book",),
    ("Market capitalisation", "Book value per share"): ("Price to book",),
    ("Market capitalisation", "Revenue"): ("Price to sales",),
    ("Market capitalisation", "Net income"): ("Trailing P/E", "Price to earnings"),
    ("Share price", "Earnings per share"): ("Trailing P/E",),
    ("Enterprise value", "Revenue"): ("EV to revenue",),
    ("Enterprise value", "EBITDA"): ("EV to EBITDA",),
    ("Gross profit", "Revenue"): ("Gross margin",),
    ("Operating income", "Revenue"): ("Operating margin",),
    ("Net income", "Revenue"): ("Net margin",),
    ("EBITDA", "Revenue"): ("EBITDA margin",),
    ("Free cash flow", "Revenue"): ("Free cash flow margin",),
    ("Free cash flow", "Net income"): ("Cash conversion",),
    ("Dividends", "Net income"): ("Payout ratio",),
    ("Dividends", "Earnings per share"): ("Payout ratio",),
    ("Share price", "52-week high"): ("Distance from the 52-week high",),
    ("Share price", "52-week low"): ("Distance from the 52-week low",),
    ("Mean analyst target", "Share price"): ("Change to the mean analyst target",),
}
# Of these ratios, the ones that are given as a fraction to be added to one.
DISTANCES = frozenset({"Distance from the 52-week high", "Distance from the 52-week low"}) | {
    "Change to the mean analyst target"
}
