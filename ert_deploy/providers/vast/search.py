"""Offer search of the Vast adapter: offers in pages by price, and one offer again.

The server returns at most 64 offers, whatever limit is asked for, and has no page token. The next page is a search from
the price of the last offer on, up to `PAGES` of them: with the search almost without filters and a quote that is 6 of
the 10 calls a minute that it allows.
"""

from __future__ import annotations

import math
from typing import Any

from ert_deploy.core.model.desired import Criteria, Launch, Market
from ert_deploy.core.model.errors import CannotObserve
from ert_deploy.core.model.observed import Offer
from ert_deploy.providers.vast import parse
from ert_deploy.providers.vast.account import Read
from ert_deploy.providers.vast.query import of_offer, query, wide_query
from ert_deploy.providers.vast.session import Session

MAX_OFFERS = 64  # the maximum of the server
PAGES = 4


class OfferReader:
    """Reads offers with the SDK of a session; `read` retries and keeps the rate limits."""

    def __init__(self, session: Session, read: Read) -> None:
        self._session, self._read = session, read

    def search(self, criteria: Criteria, launch: Launch, *, wide: bool = False) -> tuple[Offer, ...]:
        """Return offers priced with the disk of the launch, cheapest first. Raise `CannotObserve`.

        With `wide` at most 64, else at most 256. If a later page fails, the offers of the earlier ones are returned.
        """
        asked = wide_query(criteria) if wide else query(criteria, launch)
        rows = self._page(asked, launch)
        found = {row.get("id"): row for row in rows if isinstance(row, dict)}
        for _ in range(0 if wide else PAGES - 1):
            last = max((row.get("dph_total", 0.0) for row in found.values() if _priced(row)), default=None)
            if len(rows) < MAX_OFFERS or last is None:
                break
            try:
                rows = self._page({**asked, "dph_total": {**asked["dph_total"], "gte": last}}, launch)
            except CannotObserve:
                break
            new = {row.get("id"): row for row in rows if isinstance(row, dict) and row.get("id") not in found}
            if not new:
                break  # all of it costs the same, or the server ignores the filter
            found |= new
        return _parsed(list(found.values()), asked_for_amd64=not wide)

    def quote(self, offer: Offer, launch: Launch) -> Offer | None:
        """Return the offer as it is now; None if it is not on the market. Raise `CannotObserve`."""
        found = _parsed(self._page(of_offer(parse.number(offer.id)), launch))
        return next((one for one in found if one.id == offer.id and one.rentable), None)

    def _page(self, asked: dict[str, Any], launch: Launch) -> list[Any]:
        kind = "bid" if launch.market is Market.INTERRUPTIBLE else "on-demand"

        def call() -> Any:
            return self._session.sdk.search_offers(
                dict(asked), type=kind, order="dph_total", limit=MAX_OFFERS, storage=launch.disk_gb, no_default=True
            )

        rows = self._read("search", "offers", call)
        if not isinstance(rows, list):
            raise CannotObserve("Vast.ai returned an invalid list of offers")
        return rows


def _priced(row: dict[str, Any]) -> bool:
    price = row.get("dph_total")
    return isinstance(price, int | float) and math.isfinite(price)


def _parsed(rows: list[Any], *, asked_for_amd64: bool = False) -> tuple[Offer, ...]:
    found = (parse.offer(row, asked_for_amd64=asked_for_amd64) for row in rows)
    return tuple(one for one in found if one is not None)
