"""Authentication: rate limits and keys, based on method, path, headers and address alone.

Order: an address that sends invalid keys is delayed before its key is read; then the key; then its rate. A valid key is
never delayed by other clients, except by invalid keys from its own address, and not even then on a connection that has
already used it.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass

from ert_backend.base.clock import boot_seconds
from ert_backend.base.http_error import Refused, Scope, too_fast, wrong_key
from ert_backend.base.routes import Access, Route, access
from ert_backend.base.token_bucket import Rates, neighbourhood
from ert_backend.edge.connection_limits import Guest, Lobby
from ert_backend.edge.key_store import KeyRing, short
from ert_backend.edge.protocol import STATE_GUEST


def key_id(headers: Iterable[tuple[bytes, bytes]], accepted: Iterable[bytes]) -> str | None:
    """Return the first 8 hex digits of the accepted hash that the client's key matches; None for every other client.

    Requires exactly one Authorization header with the Bearer scheme. All accepted hashes are always compared.
    """
    scheme, token = _shown(headers)
    digest = hashlib.sha256(token).digest()
    matches = [known for known in accepted if hmac.compare_digest(digest, known)]
    return short(matches[0]) if matches and scheme.lower() == b"bearer" else None


def _shown(headers: Iterable[tuple[bytes, bytes]]) -> tuple[bytes, bytes]:
    """Return the scheme and the key of the only Authorization header; empty if there is none, or more than one."""
    given = [value for name, value in headers if name.lower() == b"authorization"]
    scheme, _, token = (given[0] if len(given) == 1 else b"").partition(b" ")
    return scheme, token.strip(b" ")


@dataclass(frozen=True, slots=True)
class Gate:
    """The rate limits, the connections and the current keys."""

    keys: KeyRing
    rates: Rates
    lobby: Lobby

    def admit(self, scope: Scope, route: Route) -> str | None:
        """Return the key's short name, `admin`, or None on an open route; raise `Refused` for every other request."""
        verdict, address = access(scope["method"], scope["path"]), _address(scope)
        if verdict is Access.KEYED or verdict is Access.ADMIN:
            return self._holder(scope, verdict, address)
        self._spend_address(address)
        if verdict is Access.UNKNOWN:
            raise Refused(404, "Not Found", "route")
        if verdict is Access.WRONG_METHOD:
            raise Refused(405, "Method Not Allowed", "method", {"allow": ", ".join(route.methods)})
        return None

    def _holder(self, scope: Scope, verdict: Access, address: str) -> str:
        now, guest = boot_seconds(), _guest(scope)
        if not (guest and guest.trusted) and (seconds := self.rates.bad_key.wait(address, now)):
            raise too_fast(seconds, "guessing")
        accepted = self.keys.admin if verdict is Access.ADMIN else self.keys.now.hashes
        holder = key_id(scope["headers"], accepted)
        if holder is None:
            self.rates.bad_key.take(address, now)
            self._spend_address(address)
            raise wrong_key()
        if guest is not None:
            self.lobby.trust(guest)
        if seconds := self.rates.key.take(holder, now):
            raise too_fast(seconds, "key rate")
        if verdict is Access.ADMIN:
            return "admin"
        self.keys.used[holder] = now
        self.keys.hear(_shown(scope["headers"])[1])
        return holder

    def _spend_address(self, address: str) -> None:
        if seconds := self.rates.address.take(address, boot_seconds()):
            raise too_fast(seconds, "address rate")


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return neighbourhood(str(client[0])) if client else "unknown"


def _guest(scope: Scope) -> Guest | None:
    guest = scope.get("state", {}).get(STATE_GUEST)
    return guest if isinstance(guest, Guest) else None
