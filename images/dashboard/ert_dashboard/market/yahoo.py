"""Yahoo market data: quotes and ratios through the optional package `yfinance`, for data that the SEC does not have.

The package is imported on first use, as it adds about 90 MB. Its data is for personal use (see its README), and
requests from shared addresses are sometimes rejected, so it is queried after the SEC and cached for 5 minutes.
"""

from __future__ import annotations

import importlib
import math
import re
from collections.abc import Mapping
from typing import Any

from ert_dashboard.base.clock import Clock, iso
from ert_dashboard.market.cache import Shelf
from ert_dashboard.market.company_file import read_company
from ert_dashboard.market.model import Company, Listing, SourceAway

KIND = "Yahoo Finance"
_FRESH_S = 300.0
# fmt: off
_FIGURES = (
    "currentPrice", "marketCap", "enterpriseValue", "totalRevenue", "grossProfits", "operatingCashflow",
    "freeCashflow", "netIncomeToCommon", "ebitda", "totalDebt", "totalCash", "bookValue", "trailingEps",
    "forwardEps", "trailingPE", "forwardPE", "pegRatio", "priceToBook", "beta", "priceToSalesTrailing12Months",
    "enterpriseToRevenue", "enterpriseToEbitda", "grossMargins", "operatingMargins", "profitMargins",
    "returnOnEquity", "returnOnAssets", "debtToEquity", "currentRatio", "quickRatio", "revenueGrowth",
    "earningsGrowth", "sharesOutstanding", "impliedSharesOutstanding", "fiftyTwoWeekHigh", "fiftyTwoWeekLow",
    "previousClose", "targetMeanPrice", "targetHighPrice", "targetLowPrice", "dividendRate", "dividendYield",
    "trailingAnnualDividendYield",
)
# fmt: on
_TEXTS = ("longName", "sector", "industry", "country", "longBusinessSummary")


class YahooMarket:
    """Companies known to `yfinance`. `find` raises `SourceAway` for every error of the package."""

    kind = KIND

    def __init__(self, shelf: Shelf, clock: Clock) -> None:
        self._shelf = shelf
        self._clock = clock

    def find(self, ticker: str) -> Company | None:
        kept = self._shelf.get(f"yahoo:{ticker}", _FRESH_S, lambda: self._document(ticker))
        return None if kept.value is None else read_company(kept.value, KIND)

    def search(self, text: str) -> list[Listing]:  # noqa: ARG002 the protocol's
        """Return an empty list: a search would send a request to Yahoo for every keystroke."""
        return []

    def known(self) -> list[str]:
        return []

    def _document(self, ticker: str) -> dict[str, Any] | None:
        try:
            yfinance = importlib.import_module("yfinance")
            info = yfinance.Ticker(ticker.replace(".", "-") if _is_class(ticker) else ticker).info
        except Exception as error:  # the package raises its own errors and those of several libraries
            raise SourceAway(f"Yahoo is not responding ({type(error).__name__})", 60) from None
        return _read(ticker, info, iso(self._clock.wall())) if isinstance(info, Mapping) else None


def _is_class(ticker: str) -> bool:
    head, _, tail = ticker.partition(".")
    return head.isalpha() and len(tail) == 1


def _read(ticker: str, info: Mapping[str, Any], now: str) -> dict[str, Any] | None:
    """Convert `info` to a document; None for the nearly empty response for an unknown symbol."""
    name = info.get("longName") or info.get("shortName")
    # In Yahoo's notation: `GBp` is pence, the unit of its prices.
    currency, quoted = _currency(info.get("financialCurrency")), _currency(info.get("currency"))
    if not isinstance(name, str) or not (currency or quoted):
        return None
    return {
        "ticker": ticker,
        "fictional": False,
        "note": "Figures as Yahoo shows them, over the last twelve months where they are of a period.",
        "filing": {"description": KIND, "url": None, "period_end": now[:10], "currency": currency},
        "quote": {"currency": quoted},
        "company": {**{field: _text(info.get(field)) for field in _TEXTS}, "longName": name[:200]},
        "financial": {field: _figure(info.get(field)) for field in _FIGURES if info.get(field) is not None},
    }


def _currency(raw: Any) -> str | None:
    return raw if isinstance(raw, str) and re.fullmatch(r"[A-Z]{3}|GBp|ZAc", raw) else None


def _figure(raw: Any) -> float | None:
    plain = isinstance(raw, int | float) and not isinstance(raw, bool)
    return raw if plain and math.isfinite(raw) else None


def _text(raw: Any) -> str | None:
    return raw[:8000] if isinstance(raw, str) and raw else None
