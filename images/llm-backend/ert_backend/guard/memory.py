"""Guard memory: the latest times of a run, from all processes of the app.

An app that restarts after a crash does not know the state of its predecessor, but the machine was claimed and used.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from ert_backend.base.activity import Activity
from ert_backend.base.clock import boot_seconds


@dataclass(slots=True)
class LatestTimes:
    """The latest `Activity`, and the times of this run in boot seconds, none of them in the future."""

    last: Activity | None = None
    claimed_at: float | None = None
    ready_at: float | None = None
    work_at: float | None = None
    claim_kept: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def claim_seen(self) -> None:
        """Record a claim that is on the disk but not in the app's record; its time is now at the latest."""
        with self._lock:
            self.claimed_at = self.claimed_at or boot_seconds()
            self.claim_kept = True

    def note(self, record: Activity | None) -> None:
        """Add an `Activity`. With an invalid one the last one is kept, and becomes out of date."""
        if record is None:
            return
        with self._lock:
            now = boot_seconds()
            self.last = record
            self.claimed_at = _first(self.claimed_at, record.claimed_at, now)
            self.ready_at = _first(self.ready_at, record.ready_at, now)
            self.work_at = _newest(self.work_at, record.work_at, now)
            self.claim_kept = self.claim_kept or record.claim_kept


def _first(known: float | None, told: float | None, now: float) -> float | None:
    """Return the time of a one-time event: a restarted app reports its own start, not the machine's."""
    return known if known is not None or told is None else min(now, told)


def _newest(known: float | None, told: float | None, now: float) -> float | None:
    if told is None:
        return known
    return min(now, told) if known is None else max(known, min(now, told))
