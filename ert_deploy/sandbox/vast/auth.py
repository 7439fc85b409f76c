"""Who may call what: the account's key, the keys that containers get, and the minimum interval between calls.

Facts: a missing key is 403, an unknown one 404 (not 401); a container's key manages its own instance and is refused
from outside the container (Vast docs and field reports). Intervals: Vast OpenAPI sources, `x-rate-limit`.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from ert_deploy.sandbox.httpd.messages import Reply, Request
from ert_deploy.sandbox.vast.account import Estate
from ert_deploy.sandbox.vast.contract import Contract
from ert_deploy.sandbox.vast.wire import Refusal

OPEN = ("", "result")
OWN = ("show", "manage", "destroy")
# World seconds between two calls of one operation by one key.
INTERVALS: Mapping[str, float] = {
    "search": 0.5,
    "create": 4.5,
    "list": 1.0,
    "show": 2.0,
    "manage": 1.0,
    "destroy": 3.0,
    "reboot": 1.0,
    "recycle": 1.0,
    "bid": 5.5,
    "execute": 1.5,
}


def key_of(request: Request) -> str | None:
    """The bearer token, or the old `api_key` parameter."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    return request.one("api_key")


def authorize(estate: Estate, key: str, request: Request) -> None:
    """Refusal unless the request's key may do this. `key` is the account's."""
    if request.operation in OPEN:
        return
    given = key_of(request)
    if given is None:
        raise Refusal(403, "auth_error", "This action requires login.")
    if secrets.compare_digest(given.encode(), key.encode()):
        return
    contract = next((c for c in estate.live() if c.key == given), None)
    if contract is None:
        raise Refusal(404, "auth_error", "Invalid user key")
    _authorize_container(estate, contract, request)


def _authorize_container(estate: Estate, contract: Contract, request: Request) -> None:
    if not estate.machines.alive(contract.id):
        raise Refusal(401, "auth_error", "Unable to authorize instance API key")
    own = request.operation in OWN and request.params.get("id") == str(contract.id)
    if not own or _wants_start(request):
        raise Refusal(403, "not_authorized", "This key may only show, stop and destroy its own instance.")


def _wants_start(request: Request) -> bool:
    try:
        body = request.json()
    except ValueError:
        return False
    return isinstance(body, dict) and body.get("state") == "running"


class Intervals:
    """The calls of the recent past, by key and operation."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, str], float] = {}

    def check(self, request: Request, now: float) -> Reply | None:
        """429 when the last call of this operation was too recent; world seconds."""
        least = INTERVALS.get(request.operation)
        if least is None:
            return None
        who = (key_of(request) or request.client, request.operation)
        if now - self._last.get(who, float("-inf")) < least:
            return Reply.json({"detail": f"API requests too frequent endpoint threshold={least}"}, 429)
        self._last[who] = now
        return None
