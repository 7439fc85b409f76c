"""Counters of the backend's health checks: good, failed, or without a response because it sleeps. No I/O.

A machine that stops itself after its idle time does not respond, and that is no failure. Whether a silence is expected
is decided when it begins, by what the backend reported last, and holds until the next response.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Literal

from ert_dashboard.base.exposition import Histogram

Result = Literal["ok", "starting", "asleep", "failed"]
RESULTS: tuple[Result, ...] = ("ok", "starting", "asleep", "failed")
SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_EARLY_S = 90.0  # idle seconds before its limit at which a stop is no surprise: looks are that far apart


@dataclass(frozen=True)
class Look:
    """One health check at Unix time `at`. `responds`: there was a response, after `seconds`; `failed`: by its report.

    `idle` and `idle_stop` are in seconds of the machine's clock, which runs at `speed`; None is not known.
    """

    at: float
    responds: bool
    ready: bool = False
    failed: bool = False
    draining: bool = False
    seconds: float = 0.0
    idle: float | None = None
    idle_stop: float | None = None
    speed: float = 1.0


class Checks:
    """Counts of all checks since this process started, each once however often it is shown."""

    def __init__(self) -> None:
        self.counts: Counter[Result] = Counter()
        self.seconds = Histogram(SECONDS)
        self._responded: Look | None = None
        self._silence: Result | None = None
        self._last = 0.0

    def count(self, look: Look) -> None:
        """Count a check, unless it is the same as the last one."""
        if look.at <= self._last:
            return
        self._last = look.at
        self.counts[self._result(look)] += 1

    def _result(self, look: Look) -> Result:
        if not look.responds:
            self._silence = self._silence or ("asleep" if self._expected(look.at) else "failed")
            return self._silence
        self._responded, self._silence = look, None
        self.seconds.add(look.seconds)
        if look.failed:
            return "failed"
        return "ok" if look.ready or look.draining else "starting"

    def _expected(self, now: float) -> bool:
        """Whether a silence is that of a machine which sleeps: it was never seen, was draining, or was idle."""
        last = self._responded
        if last is None or last.draining:
            return True
        if last.idle is None or not last.idle_stop:
            return False
        return last.idle + (now - last.at) * last.speed >= last.idle_stop - _EARLY_S
