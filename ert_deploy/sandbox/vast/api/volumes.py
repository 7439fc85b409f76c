"""Volumes: a market without any on offer, in the formats of Vast; renting one is refused, as is a create call with one.

Source: Vast OpenAPI (`search_volumes`, `list_volumes`, `rent_volume`, `delete_volume`). Local volumes serve those who
rent the same machine again, which nothing here does.
"""

from __future__ import annotations

from ert_deploy.sandbox.httpd.messages import Reply, Request
from ert_deploy.sandbox.vast.account import Estate
from ert_deploy.sandbox.vast.offers import parse_search
from ert_deploy.sandbox.vast.wire import Refusal, body_of


def find(_: Estate, request: Request) -> Reply:
    """Return the volumes on offer: none. Raises `Refusal` 400 for an invalid query."""
    body = body_of(request)
    parse_search(body.get("q", body))
    return Reply.json({"offers": []})


def show(_: Estate, __: Request) -> Reply:
    """Return the volumes of the account: none."""
    return Reply.json({"success": True, "volumes": []})


def rent(_: Estate, request: Request) -> Reply:
    """Refuse: the offer does not exist."""
    raise Refusal(404, "no_such_ask", f"Volume offer {body_of(request).get('id')} does not exist.")


def other(_: Estate, __: Request) -> Reply:
    """Refuse to copy or delete a volume, which does not exist."""
    # F34
    raise Refusal(404, "no_such_volume", "Volume with that ID does not exist.")
