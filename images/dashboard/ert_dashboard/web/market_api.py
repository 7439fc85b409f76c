"""Market data endpoints: company search and prices."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, request
from werkzeug.exceptions import BadRequest

from ert_dashboard.base.clock import Clock
from ert_dashboard.base.tickers import NOT_A_TICKER, read_ticker
from ert_dashboard.market.model import Company, Listing, MarketData, SourceAway
from ert_dashboard.web import headers, routes
from ert_dashboard.web.bodies import Companies, Price, Prices
from ert_dashboard.web.bodies import Company as CompanyFound

_MOST_TICKERS = 50
_PATIENCE_S = 10.0  # for the whole list; tickers that are not fetched by then are fetched on the next request


class MarketApi:
    """Routes of one market data source."""

    def __init__(self, market: MarketData, clock: Clock) -> None:
        self._market = market
        self._clock = clock

    def blueprint(self) -> Blueprint:
        return routes.blueprint("companies", search_tickers=self.search_tickers, watchlist_prices=self.watchlist_prices)

    def search_tickers(self) -> Response:
        text = request.args.get("q", "")[:64]
        found = [_shown(company) for company in self._market.search(text)]
        body: Companies = {
            "success": True,
            "results": found[:20],
            "count": len(found),
            "source": self._market.kind,
        }
        return jsonify(body)

    def watchlist_prices(self) -> Response:
        """Return the known prices. Filings contain no prices, so most are null, with a note."""
        tickers = headers.json_object().get("tickers")
        if not isinstance(tickers, list) or len(tickers) > _MOST_TICKERS:
            raise BadRequest(f"tickers must be a list of at most {_MOST_TICKERS}")
        read = [read_ticker(item) for item in tickers]
        if None in read:
            raise BadRequest(NOT_A_TICKER)
        deadline = self._clock.monotonic() + _PATIENCE_S
        companies = {ticker: self._found(ticker, deadline) for ticker in read if ticker}
        prices = {ticker: _price(company) for ticker, company in companies.items() if company}
        unknown = [ticker for ticker, company in companies.items() if company is None]
        body: Prices = {"success": True, "prices": prices, "unknown": unknown, "source": self._market.kind}
        return jsonify(body)

    def _found(self, ticker: str, deadline: float) -> Company | None:
        if self._clock.monotonic() > deadline:
            return None
        try:
            return self._market.find(ticker)
        except SourceAway:
            return None


def _shown(found: Listing) -> CompanyFound:
    return {
        "ticker": found.ticker,
        "symbol": found.ticker,
        "name": found.name,
        "sector": found.sector,
        "fictional": found.fictional,
        "as_of": found.as_of,
        "data_label": found.label,
    }


def _price(company: Company) -> Price:
    fact = company.facts.get("currentPrice")
    return {
        "price": fact.value if fact else None,
        "currency": company.quote_currency,
        "as_of": fact.as_of if fact else None,
        "data_label": company.label(),
        "note": None if fact else "this source states no price",
    }
