"""Login sessions: stored in the report database, so they persist across restarts and are revoked on the server.

Only the hash of a session token is stored, so that a copy of the database does not grant access.
"""

from __future__ import annotations

import hashlib
import secrets

from ert_dashboard.base.clock import Clock
from ert_dashboard.storage.drafts import Transaction

_TOKEN_LENGTH = 43


class Sessions:
    """All sessions created with one password (`tag`), each valid for `lifetime_s` seconds. Thread-safe."""

    def __init__(self, transaction: Transaction, clock: Clock, *, tag: str, lifetime_s: float) -> None:
        self._transaction = transaction
        self._clock = clock
        self._tag = tag
        self._lifetime_s = lifetime_s
        with transaction() as db:
            db.execute("CREATE TABLE IF NOT EXISTS sessions (key TEXT PRIMARY KEY, tag TEXT, expires REAL)")

    def begin(self) -> str:
        """Create a session and return its token; also delete the expired sessions."""
        token = secrets.token_urlsafe(32)
        now = self._clock.wall()
        with self._transaction() as db:
            db.execute("DELETE FROM sessions WHERE expires <= ? OR tag != ?", (now, self._tag))
            db.execute("INSERT INTO sessions VALUES (?,?,?)", (key_of(token), self._tag, now + self._lifetime_s))
        return token

    def holds(self, key: str | None) -> bool:
        """Whether the session stored under `key` (see `key_of`) is valid."""
        if key is None:
            return False
        with self._transaction() as db:
            found = db.execute("SELECT tag, expires FROM sessions WHERE key=?", (key,)).fetchone()
        return found is not None and found[0] == self._tag and self._clock.wall() < found[1]

    def end(self, key: str) -> None:
        """Delete the session."""
        with self._transaction() as db:
            db.execute("DELETE FROM sessions WHERE key=?", (key,))


def key_of(token: str | None) -> str | None:
    """Return the key that a token is stored under; None for a malformed token."""
    if token is None or len(token) != _TOKEN_LENGTH:
        return None
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
