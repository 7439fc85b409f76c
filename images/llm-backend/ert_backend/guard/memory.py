"""What the guard remembers of a run: the newest times it was told, whoever of the app's processes told them.

An app that crashed and came back knows nothing of what its predecessor did; the machine is claimed and was used all the
same. Standard library only.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from ert_backend.base.activity import Activity
from ert_backend.base.clock import boot_seconds


@dataclass(slots=True)
class Memory:
    """The newest word, and the times of this run in boot seconds, none of them in the future."""

    last: Activity | None = None
    claimed_at: float | None = None
    ready_at: float | None = None
    work_at: float | None = None
    claim_kept: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def claim_seen(self) -> None:
        """The disk holds a claim that the app did not tell of: somebody came, now at the latest."""
        with self._lock:
            self.claimed_at = self.claimed_at or boot_seconds()
            self.claim_kept = True

    def note(self, record: Activity | None) -> None:
        """Take a word in. One that cannot be read changes nothing: the last one stands, and gets older."""
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
    """What happens once in a run: an app that comes back tells of its own beginning, which is not the machine's."""
    return known if known is not None or told is None else min(now, told)


def _newest(known: float | None, told: float | None, now: float) -> float | None:
    if told is None:
        return known
    return min(now, told) if known is None else max(known, min(now, told))
