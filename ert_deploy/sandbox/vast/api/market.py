"""Market handlers: the search for offers (POST, PUT and GET), and the names of the GPUs on offer.

Sources: Vast OpenAPI `search_offers`; the `vastai` package for `PUT /search/asks/` and `/gpu_names/unique/` (which its
command line asks without a key, when it starts). `GET /bundles/?q=` is the same search with the query in the address.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ert_deploy.sandbox.httpd.messages import Reply, Request
from ert_deploy.sandbox.vast.account import Estate
from ert_deploy.sandbox.vast.market import Ask
from ert_deploy.sandbox.vast.offers import parse_search, search
from ert_deploy.sandbox.vast.wire import Refusal, body_of


def find(estate: Estate, request: Request) -> Reply:
    """Return the offers that match the query in the body, which may be under the key `q`."""
    body = body_of(request)
    return Reply.json({"offers": matching(estate, body.get("q", body))})


def find_by_address(estate: Estate, request: Request) -> Reply:
    """Return the offers that match the query in the parameter `q`, which is JSON."""
    try:
        query = json.loads(request.one("q") or "{}")
    except ValueError:
        raise Refusal(400, "invalid_request", "Error in query parameters: q is not valid JSON") from None
    return Reply.json({"offers": matching(estate, query)})


def matching(estate: Estate, query: Mapping[str, Any] | Any) -> list[dict[str, Any]]:
    """Return the rows of the offers that match. Raises `Refusal` 400 for an invalid query."""
    return search(estate.asks.values(), parse_search(query), estate.clock.now(), estate.taken)


def gpu_names(estate: Estate, _: Request) -> Reply:
    """Return the names of all GPUs on offer."""
    return Reply.json({"success": True, "gpu_names": sorted({ask.card.name for ask in estate.asks.values()})})


def gpu_types(estate: Estate, _: Request) -> Reply:
    """Return name and RAM in MB of all GPUs on offer."""
    cards = {ask.card.name: _type(ask) for ask in estate.asks.values()}
    return Reply.json({"success": True, "gpu_types": [cards[name] for name in sorted(cards)]})


def _type(ask: Ask) -> dict[str, Any]:
    return {"canonical_name": ask.card.name, "gpu_ram_mb": ask.card.ram_mb}
