"""Cache for fetched market data, stored with the reports: serves stale values while it refreshes them.

Each key is fetched by at most one thread at a time. Stale values are marked.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ert_dashboard.base.clock import Clock
from ert_dashboard.market.model import SourceAway
from ert_dashboard.storage.interface import FetchedRows, StoreClosed, StoreTrouble

_LOG = logging.getLogger(__name__)
_MOST_LOCKS = 500


@dataclass(frozen=True)
class Kept:
    """Cached value: JSON (None: does not exist), Unix time of the fetch, and whether it is out of date."""

    value: Any
    fetched: float
    stale: bool = False


class Shelf:
    """Key-value cache. Thread-safe."""

    def __init__(self, rows: FetchedRows, clock: Clock) -> None:
        self._rows = rows
        self._clock = clock
        self._lock = threading.Lock()
        self._busy: dict[str, threading.Lock] = {}

    def get(self, key: str, fresh_s: float, fetch: Callable[[], Any]) -> Kept:
        """Return the cached value, and refresh a stale one in the background; call `fetch` if none is cached.

        An error of `fetch` is raised only if no value is cached.
        """
        kept = self._look(key, fresh_s)
        if kept is not None:
            if kept.stale:
                threading.Thread(target=self._renew, args=(key, fresh_s, fetch), name="renew", daemon=True).start()
            return kept
        with self._turn(key):
            return self._look(key, fresh_s) or self._fetch(key, fetch)

    def look(self, key: str) -> Any:
        """Return the cached value of any age, or None. Never fetches."""
        kept = self._look(key, float("inf"))
        return None if kept is None else kept.value

    def _renew(self, key: str, fresh_s: float, fetch: Callable[[], Any]) -> None:
        turn = self._turn(key)
        if not turn.acquire(blocking=False):
            return
        try:
            kept = self._look(key, fresh_s)
            if kept is None or kept.stale:
                self._fetch(key, fetch)
        except SourceAway as error:
            _LOG.info("%s is still the cached copy: %s", key, error)
        except (StoreClosed, StoreTrouble):
            return
        finally:
            turn.release()

    def _turn(self, key: str) -> threading.Lock:
        with self._lock:
            if len(self._busy) > _MOST_LOCKS:
                self._busy = {name: lock for name, lock in self._busy.items() if lock.locked()}
            return self._busy.setdefault(key, threading.Lock())

    def _look(self, key: str, fresh_s: float) -> Kept | None:
        row = self._rows.look(key)
        if row is None:
            return None
        age = self._clock.wall() - row[1]
        return Kept(json.loads(row[0]), row[1], stale=not 0 <= age < fresh_s)

    def _fetch(self, key: str, fetch: Callable[[], Any]) -> Kept:
        value = fetch()
        now = self._clock.wall()
        self._rows.keep(key, json.dumps(value), now)
        return Kept(value, now)
