"""Figure names that reports use, with the possible meanings of each. Data only.

Any of several meanings (`earnings`, `margin`) is accepted. The name of a figure that is not in the input is known,
too, so that a number with that name is rejected.
"""

from __future__ import annotations

_PE = frozenset({"Trailing P/E", "Forward P/E", "Price to earnings"})
_TRAILING = frozenset({"Trailing P/E", "Price to earnings"})
_EARNINGS = frozenset({"Net income", "Earnings per share", "Earnings growth", "Forward earnings per share"}) | _PE
_MARGINS = frozenset({"Gross margin", "Operating margin", "Net margin", "EBITDA margin", "Free cash flow margin"})
_FLOWS = frozenset({"Free cash flow", "Operating cash flow"})
_LEVERAGE = frozenset({"Debt to equity", "Debt to assets", "Debt to EBITDA", "Net debt"})
_TARGETS = frozenset(
    {"Mean analyst target", "Highest analyst target", "Lowest analyst target", "Median analyst target"}
)
_PRICED = _PE | {"Share price", "Price to book", "Price to sales", "EV to revenue", "EV to EBITDA", "Previous close"}

PHRASES: dict[str, frozenset[str]] = {
    **dict.fromkeys(
        ("market cap", "market capitalization", "market capitalisation", "market value", "equity value"),
        frozenset({"Market capitalisation"}),
    ),
    **dict.fromkeys(("revenue", "sale", "net sale", "top line", "turnover", "total revenue"), frozenset({"Revenue"})),
    **dict.fromkeys(
        ("net income", "net profit", "net earning", "net earnings", "bottom line", "net loss", "profit after tax"),
        frozenset({"Net income"}),
    ),
    "profit": frozenset({"Net income", "Gross profit", "Operating income"}),
    "earnings": _EARNINGS,
    **dict.fromkeys(
        ("eps", "earnings per share", "diluted eps", "diluted earnings per share"), frozenset({"Earnings per share"})
    ),
    **dict.fromkeys(
        ("operating profit", "operating income", "operating loss", "ebit"), frozenset({"Operating income"})
    ),
    "gross profit": frozenset({"Gross profit"}),
    **dict.fromkeys(("free cash flow", "fcf", "free cashflow"), frozenset({"Free cash flow"})),
    **dict.fromkeys(
        (
            "operating cash flow",
            "operating cashflow",
            "cash flow from operation",
            "cash from operation",
            "cash from operating activities",
            "cash flow from operating activities",
        ),
        frozenset({"Operating cash flow"}),
    ),
    **dict.fromkeys(("cash flow", "cashflow"), _FLOWS),
    **dict.fromkeys(
        (
            "cash",
            "cash position",
            "cash balance",
            "cash and cash equivalent",
            "cash and equivalent",
            "cash on hand",
            "total cash",
            "cash reserve",
        ),
        frozenset({"Cash"}),
    ),
    **dict.fromkeys(("net debt", "net borrowing", "net indebtedness"), frozenset({"Net debt"})),
    **dict.fromkeys(("liquidity", "liquid fund", "liquid resource", "cash resource"), frozenset({"Cash"})),
    **dict.fromkeys(("interest cover", "interest coverage"), frozenset({"Interest cover"})),
    **dict.fromkeys(("cash burn", "burn", "cash outflow"), _FLOWS),
    "net cash": frozenset({"Net cash", "Net debt"}),
    **dict.fromkeys(
        ("finance cost", "finance charge", "finance expense", "financing cost", "financing charge", "interest burden"),
        frozenset({"Interest expense"}),
    ),
    **dict.fromkeys(
        ("interest", "interest cost", "interest bill", "interest charge", "interest payment"),
        frozenset({"Interest expense"}),
    ),
    **dict.fromkeys(
        ("dividend", "dividend payment", "dividend payout"),
        frozenset({"Dividends paid", "Dividend yield", "Dividend rate"}),
    ),
    **dict.fromkeys(("debt", "total debt", "borrowing", "debt load"), frozenset({"Total debt"})),
    **dict.fromkeys(("50 day average", "50 day moving average"), frozenset({"Fifty day average"})),
    **dict.fromkeys(("200 day average", "200 day moving average"), frozenset({"Two hundred day average"})),
    **dict.fromkeys(("asset", "total asset"), frozenset({"Total assets"})),
    **dict.fromkeys(
        ("liability", "total liability", "liabilities", "total liabilities"), frozenset({"Total liabilities"})
    ),
    **dict.fromkeys(
        (
            "p/e",
            "p/e ratio",
            "pe ratio",
            "price to earnings",
            "price to earnings ratio",
            "earnings multiple",
            "p/e multiple",
        ),
        _PE,
    ),
    **dict.fromkeys(
        (
            "trailing p/e",
            "trailing p/e ratio",
            "trailing earnings",
            "trailing price to earnings",
            "trailing price to earnings ratio",
            "trailing earnings multiple",
        ),
        _TRAILING,
    ),
    **dict.fromkeys(
        (
            "forward p/e",
            "forward p/e ratio",
            "forward price to earnings",
            "forward price to earnings ratio",
            "expected earnings",
        ),
        frozenset({"Forward P/E"}),
    ),
    **dict.fromkeys(
        ("forward eps", "expected eps", "expected earnings per share"), frozenset({"Forward earnings per share"})
    ),
    "forward earnings": frozenset({"Forward P/E", "Forward earnings per share"}),
    **dict.fromkeys(("p/b", "p/b ratio", "price to book", "price to book ratio"), frozenset({"Price to book"})),
    "book value": frozenset({"Price to book", "Book value per share"}),
    **dict.fromkeys(("p/s", "p/s ratio", "price to sales", "price to sales ratio"), frozenset({"Price to sales"})),
    **dict.fromkeys(("ev/ebitda", "ev to ebitda", "enterprise value to ebitda"), frozenset({"EV to EBITDA"})),
    **dict.fromkeys(
        ("ev/sales", "ev/revenue", "ev to sales", "enterprise value to revenue"), frozenset({"EV to revenue"})
    ),
    "peg": frozenset({"PEG ratio"}),
    **dict.fromkeys(("roe", "returns on equity"), frozenset({"Return on equity"})),
    **dict.fromkeys(("roa", "returns on assets"), frozenset({"Return on assets"})),
    **dict.fromkeys(
        ("profit margin", "net profit margin", "net margin", "net income margin"), frozenset({"Net margin"})
    ),
    **dict.fromkeys(("gross margin", "gross profit margin"), frozenset({"Gross margin"})),
    **dict.fromkeys(
        ("operating margin", "operating profit margin", "operating income margin", "ebit margin"),
        frozenset({"Operating margin"}),
    ),
    **dict.fromkeys(("free cash flow margin", "fcf margin"), frozenset({"Free cash flow margin"})),
    **dict.fromkeys(("free cash flow yield", "fcf yield"), frozenset({"Free cash flow yield"})),
    "margin": _MARGINS,
    "yield": frozenset({"Dividend yield", "Free cash flow yield"}),
    **dict.fromkeys(
        ("debt to equity", "debt to equity ratio", "d/e", "d/e ratio", "debt/equity"), frozenset({"Debt to equity"})
    ),
    **dict.fromkeys(("debt to assets", "debt to asset ratio", "debt to assets ratio"), frozenset({"Debt to assets"})),
    "leverage": _LEVERAGE,
    **dict.fromkeys(
        ("current asset", "current liability", "current liabilities"), frozenset({"Current ratio", "Quick ratio"})
    ),
    **dict.fromkeys(("share price", "stock price"), frozenset({"Share price"})),
    **dict.fromkeys(("trades at", "trade at", "trading at", "valued at"), _PRICED | {"Market capitalisation"}),
    **dict.fromkeys(("price target", "target price", "analyst target", "consensus target"), _TARGETS),
    **dict.fromkeys(("employee", "headcount", "workforce", "staff", "people", "worker"), frozenset({"Employees"})),
    **dict.fromkeys(("shares outstanding", "share count", "outstanding shares"), frozenset({"Shares outstanding"})),
    **dict.fromkeys(("analyst", "analyst opinion"), frozenset({"Analyst opinions"}) | _TARGETS),
    **dict.fromkeys(
        ("revenue growth", "sales growth", "top line growth", "growth in revenue"), frozenset({"Revenue growth"})
    ),
    **dict.fromkeys(("earnings growth", "profit growth", "net income growth"), frozenset({"Earnings growth"})),
    "growth": frozenset({"Revenue growth", "Earnings growth"}),
    "upside": frozenset({"Change to the mean analyst target"}),
}

# Figures whose percent or multiple may be given under the name of the figure it is computed from.
ABOUT: dict[str, frozenset[str]] = {
    "Revenue growth": frozenset({"Revenue"}),
    "Earnings growth": frozenset({"Net income", "Earnings per share"}),
    "Gross margin": frozenset({"Gross profit"}),
    "Operating margin": frozenset({"Operating income"}),
    "Net margin": frozenset({"Net income"}),
    "EBITDA margin": frozenset({"EBITDA"}),
    "Free cash flow margin": frozenset({"Free cash flow"}),
    "Free cash flow yield": frozenset({"Free cash flow"}),
    "Cash conversion": frozenset({"Free cash flow", "Net income"}),
    "EV to revenue": frozenset({"Revenue", "Enterprise value"}),
    "EV to EBITDA": frozenset({"EBITDA", "Enterprise value"}),
    "Price to sales": frozenset({"Revenue"}),
    "Price to book": frozenset({"Book value per share"}),
    "Debt to assets": frozenset({"Total debt", "Total assets"}),
    "Debt to EBITDA": frozenset({"Total debt", "EBITDA"}),
    "Debt to equity": frozenset({"Total debt"}),
    "Distance from the 52-week high": frozenset({"52-week high", "Share price"}),
    "Distance from the 52-week low": frozenset({"52-week low", "Share price"}),
    "Change to the mean analyst target": _TARGETS | {"Share price"},
    "Trailing P/E": frozenset({"Share price"}),
    "Forward P/E": frozenset({"Share price"}),
}
