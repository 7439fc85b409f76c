"""Field names of market data (as in yfinance), with the display name and unit of each.

Margins, returns and yields are fractions; `debtToEquity` is a percent number; money is absolute. The unit of
`dividendYield` depends on the data source: `settle` resolves it.
"""

from __future__ import annotations

KNOWN: dict[str, tuple[str, str]] = {
    "currentPrice": ("Share price", "money"),
    "regularMarketPrice": ("Share price", "money"),
    "previousClose": ("Previous close", "money"),
    "fiftyDayAverage": ("50-day average price", "money"),
    "twoHundredDayAverage": ("200-day average price", "money"),
    "fiftyTwoWeekHigh": ("52-week high", "money"),
    "fiftyTwoWeekLow": ("52-week low", "money"),
    "marketCap": ("Market capitalisation", "money"),
    "enterpriseValue": ("Enterprise value", "money"),
    "totalRevenue": ("Revenue", "money"),
    "revenue": ("Revenue", "money"),
    "grossProfits": ("Gross profit", "money"),
    "grossProfit": ("Gross profit", "money"),
    "operatingIncome": ("Operating income", "money"),
    "ebitda": ("EBITDA", "money"),
    "netIncomeToCommon": ("Net income", "money"),
    "netIncome": ("Net income", "money"),
    "freeCashflow": ("Free cash flow", "money"),
    "operatingCashflow": ("Operating cash flow", "money"),
    "netInterestIncome": ("Net interest income", "money"),
    "premiumsEarned": ("Premiums earned", "money"),
    "fundsFromOperations": ("Funds from operations", "money"),
    "totalAssets": ("Total assets", "money"),
    "totalLiabilities": ("Total liabilities", "money"),
    "totalDeposits": ("Total deposits", "money"),
    "stockholdersEquity": ("Shareholders' equity", "money"),
    "totalStockholderEquity": ("Shareholders' equity", "money"),
    "totalDebt": ("Total debt", "money"),
    "totalCash": ("Cash", "money"),
    "bookValue": ("Book value per share", "money"),
    "trailingEps": ("Earnings per share", "money"),
    "forwardEps": ("Forward earnings per share", "money"),
    "interestExpense": ("Interest expense", "money"),
    "dividendsPaid": ("Dividends paid", "money"),
    "capitalExpenditures": ("Capital expenditure", "money"),
    "researchDevelopment": ("Research and development", "money"),
    "totalCurrentAssets": ("Current assets", "money"),
    "totalCurrentLiabilities": ("Current liabilities", "money"),
    "dividendRate": ("Dividend per share", "money"),
    "trailingAnnualDividendRate": ("Dividend per share of the last year", "money"),
    "targetMeanPrice": ("Mean analyst target", "money"),
    "targetHighPrice": ("Highest analyst target", "money"),
    "targetLowPrice": ("Lowest analyst target", "money"),
    "targetMedianPrice": ("Median analyst target", "money"),
    "latestQuarterRevenue": ("Revenue of the latest quarter", "money"),
    "latestQuarterNetIncome": ("Net income of the latest quarter", "money"),
    "profitMargins": ("Net margin", "ratio"),
    "grossMargins": ("Gross margin", "ratio"),
    "operatingMargins": ("Operating margin", "ratio"),
    "ebitdaMargins": ("EBITDA margin", "ratio"),
    "returnOnEquity": ("Return on equity", "ratio"),
    "returnOnAssets": ("Return on assets", "ratio"),
    "revenueGrowth": ("Revenue growth", "ratio"),
    "earningsGrowth": ("Earnings growth", "ratio"),
    "dividendYield": ("Dividend yield", "ratio"),
    "trailingAnnualDividendYield": ("Dividend yield of the last year", "ratio"),
    "fiveYearAvgDividendYield": ("Average dividend yield of five years", "percent"),
    "payoutRatio": ("Payout ratio", "ratio"),
    "debtToEquity": ("Debt to equity", "percent"),
    "trailingPE": ("Trailing P/E", "multiple"),
    "forwardPE": ("Forward P/E", "multiple"),
    "pegRatio": ("PEG ratio", "multiple"),
    "priceToBook": ("Price to book", "multiple"),
    "priceToSalesTrailing12Months": ("Price to sales", "multiple"),
    "enterpriseToRevenue": ("EV to revenue", "multiple"),
    "enterpriseToEbitda": ("EV to EBITDA", "multiple"),
    "currentRatio": ("Current ratio", "multiple"),
    "quickRatio": ("Quick ratio", "multiple"),
    "beta": ("Beta", "number"),
    "sharesOutstanding": ("Shares outstanding", "count"),
    "impliedSharesOutstanding": ("Shares of all classes", "count"),
    "fullTimeEmployees": ("Employees", "count"),
    "numberOfAnalystOpinions": ("Analyst opinions", "count"),
    "longName": ("Company", "text"),
    "sector": ("Sector", "text"),
    "industry": ("Industry", "text"),
}

# Money in the currency of the quote; all other money is in that of the statements.
TOTALS_OF_MARKET = frozenset({"marketCap", "enterpriseValue"})
PRICES = frozenset(
    {
        "currentPrice",
        "regularMarketPrice",
        "previousClose",
        "fiftyDayAverage",
        "twoHundredDayAverage",
        "fiftyTwoWeekHigh",
        "fiftyTwoWeekLow",
        "targetMeanPrice",
        "targetHighPrice",
        "targetLowPrice",
        "targetMedianPrice",
    }
)
DIVIDENDS = frozenset({"dividendRate", "trailingAnnualDividendRate"})
OF_QUOTE = TOTALS_OF_MARKET | PRICES | DIVIDENDS
# Per-share figures of the statements: some sources give them in the currency of the quote.
PER_SHARE = frozenset({"trailingEps", "forwardEps", "bookValue"})

# Metadata about other fields, or prose: read elsewhere, not facts of their own.
LABEL_ONLY = frozenset(
    {
        "ticker",
        "symbol",
        "currency",
        "financialCurrency",
        "longBusinessSummary",
        "as_of",
        "asOf",
        "asOfDate",
        "date",
        "timestamp",
        "mostRecentQuarter",
        "source",
        "sources",
        "filing",
        "link",
        "url",
        "unit",
        "provenance",
        "headline_sentiment",
        "note",
        "website",
    }
)
