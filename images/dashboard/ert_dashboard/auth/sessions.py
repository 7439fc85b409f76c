"""Login sessions: stored with the reports, so they persist across restarts and are revoked on the server.

Only the hash of a session token is stored, so that a copy of the database does not grant access.
"""

from __future__ import annotations

import hashlib
import secrets

from ert_dashboard.base.clock import Clock
from ert_dashboard.storage.interface import LoginRows

_TOKEN_LENGTH = 43


class Sessions:
    """All sessions created with one password (`tag`), each valid for `lifetime_s` seconds. Thread-safe."""

    def __init__(self, rows: LoginRows, clock: Clock, *, tag: str, lifetime_s: float) -> None:
        self._rows = rows
        self._clock = clock
        self._tag = tag
        self._lifetime_s = lifetime_s

    def begin(self) -> str:
        """Create a session and return its token; also delete the expired sessions."""
        token = secrets.token_urlsafe(32)
        now = self._clock.wall()
        self._rows.put(_hashed(token), self._tag, now + self._lifetime_s, now)
        return token

    def holds(self, key: str | None) -> bool:
        """Whether the session stored under `key` (see `key_of`) is valid."""
        if key is None:
            return False
        found = self._rows.find(key)
        return found is not None and found[0] == self._tag and self._clock.wall() < found[1]

    def end(self, key: str) -> None:
        """Delete the session."""
        self._rows.delete(key)


def key_of(token: str | None) -> str | None:
    """Return the key that a token is stored under; None for a malformed token."""
    if token is None or len(token) != _TOKEN_LENGTH:
        return None
    return _hashed(token)


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
