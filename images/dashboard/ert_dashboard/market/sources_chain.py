"""Chained market data: queries all enabled sources in order, with the bundled samples last."""

from __future__ import annotations

from importlib import resources

from ert_dashboard.base.clock import Clock
from ert_dashboard.base.env import BadSetting
from ert_dashboard.base.rate_limit import MakeLimiter
from ert_dashboard.market.cache import Shelf
from ert_dashboard.market.company_file import BadCompany, FileMarket
from ert_dashboard.market.edgar import Edgar
from ert_dashboard.market.edgar_market import EdgarMarket
from ert_dashboard.market.model import Company, Listing, MarketData
from ert_dashboard.market.sources import Sources
from ert_dashboard.market.yahoo import YahooMarket
from ert_dashboard.storage.interface import FetchedRows

SAMPLE, OWN, OWN_REQUEST = "sample data", "the operator's own data", "data of the request"


class Chain:
    """Chain of sources; the first that knows a ticker is used. `SourceAway` is raised instead of using the next one."""

    def __init__(self, markets: list[MarketData]) -> None:
        self._markets = markets
        self.kind = ", ".join(market.kind for market in markets)

    def find(self, ticker: str) -> Company | None:
        for market in self._markets:
            company = market.find(ticker)
            if company is not None:
                return company
        return None

    def search(self, text: str) -> list[Listing]:
        found: dict[str, Listing] = {}
        for market in self._markets:
            for entry in market.search(text):
                found.setdefault(entry.ticker, entry)
        return list(found.values())

    def known(self) -> list[str]:
        return sorted({ticker for market in self._markets for ticker in market.known()})


def samples() -> FileMarket:
    """Return the companies included in the package."""
    return FileMarket(resources.files("ert_dashboard") / "sample_data", SAMPLE)


def build_market(sources: Sources, fetched: FetchedRows, clock: Clock, limits: MakeLimiter | None = None) -> MarketData:
    """Build the chain of enabled sources and samples; raise `BadSetting` if the operator's files are invalid."""
    shelf = Shelf(fetched, clock)
    markets: list[MarketData] = []
    if sources.folder is not None:
        markets.append(_own(sources))
    if sources.sec_user_agent is not None:
        markets.append(EdgarMarket(Edgar(sources.sec_user_agent, clock, limits=limits), shelf))
    if sources.yahoo:
        markets.append(YahooMarket(shelf, clock))
    return Chain([*markets, samples()])


def _own(sources: Sources) -> FileMarket:
    try:
        return FileMarket(sources.folder, OWN)
    except (OSError, BadCompany) as error:
        raise BadSetting(f"ERT_MARKET_DATA_DIR: {error}") from None
