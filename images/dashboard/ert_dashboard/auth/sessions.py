"""Logins that hold, in the reports' own file: they survive a restart and end on the server, not in the browser.

Only the hash of a session's token is stored, so that a copy of the file lets nobody in.
"""

from __future__ import annotations

import hashlib
import secrets

from ert_dashboard.base.clock import Clock
from ert_dashboard.storage.drafts import Transaction

_TOKEN_LENGTH = 43


class Sessions:
    """All logins made with one password (`tag`), each for `lifetime_s` seconds. Safe to use from any thread."""

    def __init__(self, transaction: Transaction, clock: Clock, *, tag: str, lifetime_s: float) -> None:
        self._transaction = transaction
        self._clock = clock
        self._tag = tag
        self._lifetime_s = lifetime_s
        with transaction() as db:
            db.execute("CREATE TABLE IF NOT EXISTS sessions (key TEXT PRIMARY KEY, tag TEXT, expires REAL)")

    def begin(self) -> str:
        """A new login; returns its token. What has expired is forgotten on the way."""
        token = secrets.token_urlsafe(32)
        now = self._clock.wall()
        with self._transaction() as db:
            db.execute("DELETE FROM sessions WHERE expires <= ? OR tag != ?", (now, self._tag))
            db.execute("INSERT INTO sessions VALUES (?,?,?)", (key_of(token), self._tag, now + self._lifetime_s))
        return token

    def holds(self, key: str | None) -> bool:
        """Whether the login behind `key` (see `key_of`) still stands."""
        if key is None:
            return False
        with self._transaction() as db:
            found = db.execute("SELECT tag, expires FROM sessions WHERE key=?", (key,)).fetchone()
        return found is not None and found[0] == self._tag and self._clock.wall() < found[1]

    def end(self, key: str) -> None:
        """Log out."""
        with self._transaction() as db:
            db.execute("DELETE FROM sessions WHERE key=?", (key,))


def key_of(token: str | None) -> str | None:
    """Under what a token is stored; None for what cannot be a token."""
    if token is None or len(token) != _TOKEN_LENGTH:
        return None
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
