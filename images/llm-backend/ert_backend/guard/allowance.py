"""Meter of the guard: counts how long the machine runs, over all its boots, against the allowance of its owner.

The last part of an allowance is a reserve: a boot that began with more stops before it, so that a machine that was
stopped for its budget can be woken and be given a new allowance. A boot that began in it may use it up.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from ert_backend.base.allowance import Grant, Spent, SpentRecord
from ert_backend.base.clock import MoneyClock
from ert_backend.guard.rules import Allowance

# Real seconds by which the record is ahead of the use, and for which the machine runs without a record at most.
AHEAD, UNRECORDED = 60.0, 60.0
# Money seconds of the reserve, and its largest part of an allowance; the part in which no new work is admitted.
RESERVE, LARGEST_RESERVE, DRAIN = 600.0, 0.25, 0.1


@dataclass(slots=True)
class Meter:
    """`grant` is None without a budget, until one is set. `used` are its money seconds until `since`, by `clock`.

    `recorded` is what the disk has, None before it was read; `behind` is for how long the use has not been recorded.
    """

    record: SpentRecord
    clock: MoneyClock
    grant: Grant | None
    used: float = 0.0
    since: float = 0.0
    began: float = 0.0
    recorded: float | None = None
    behind: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def spent(self) -> float:
        """Return the money seconds of the grant that are used until now."""
        return self.used + max(0.0, self.clock.now() - self.since)

    def line(self) -> float:
        """Return the money seconds after which this boot has to end."""
        seconds = float(self.grant.seconds if self.grant is not None else 0)
        before = seconds - min(RESERVE, LARGEST_RESERVE * seconds)
        return before if self.began < before else seconds

    def drain(self, cap: float) -> float:
        """Return the money seconds after which no new work is admitted, so that a report can be finished."""
        line = self.line()
        in_reserve = self.grant is None or line >= self.grant.seconds
        return line if in_reserve else line - min(cap, DRAIN * line)

    def granted(self, grant: Grant) -> bool:
        """Take a later grant, of which nothing is used yet; False for one that is not later."""
        with self._lock:
            if grant.serial <= (self.grant.serial if self.grant is not None else 0):
                return False
            self.grant, self.used, self.since, self.began, self.recorded = grant, 0.0, self.clock.now(), 0.0, 0.0
            return True

    def seen(self, cap: float) -> Allowance | None:
        """Return what the rules have to know of it; None without a budget. `cap` is that of the wait for a report."""
        with self._lock:
            if self.grant is None:
                return None
            late = self.behind > UNRECORDED * self.clock.speed
            return Allowance(self.grant.seconds, self.spent(), self.drain(cap), self.line(), late)

    def pass_time(self, step: float) -> None:
        """Count the time for which the use is not recorded; `step` is without the time of a suspension."""
        late = self.grant is not None and (self.recorded is None or self.spent() > self.recorded)
        self.behind = self.behind + step if late else 0.0

    def keep(self, ahead: float = AHEAD) -> None:
        """Read the record, if that was not done yet, and write it ahead of the use. May block on the disk."""
        if self.recorded is None:
            try:
                found = self.record.read()
            except OSError:
                return
            self._begin(found)
        with self._lock:
            if self.grant is None:
                return
            spent = Spent(self.grant, self.spent() + ahead * self.clock.speed)
        if self.record.keep(spent):
            with self._lock:
                if self.grant == spent.grant:
                    self.recorded = spent.used

    def _begin(self, found: Spent | None) -> None:
        with self._lock:
            if self.recorded is not None:
                return
            self.recorded = 0.0
            if found is not None and (self.grant is not None or found.grant.serial):
                self.grant, self.used = found.grant, found.used + self.used
                self.began, self.recorded = found.used, found.used
