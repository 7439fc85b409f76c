"""Rate limiter: a token bucket per key, on the injected clock.

It keeps a bounded number of keys, the most recent ones. The caller handles the requests that are not allowed.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

from ert_dashboard.base.clock import Clock

_MOST_KEYS = 4096


class Limiter(Protocol):
    """Limit of events per key."""

    def take(self, key: str = "") -> float:
        """Count the event and return 0 if it is allowed now, else return the seconds to wait without counting it."""
        ...


# Makes the limiter of a name from events per second and burst.
MakeLimiter = Callable[[str, float, float], Limiter]


def own_limits(clock: Clock) -> MakeLimiter:
    """Return what makes limiters of this process alone."""
    return lambda _, per_second, burst: Rates(per_second, burst, clock)


class Rates:
    """Allows `burst` events at once, then `per_second`; a rate of 0 means no limit. Thread-safe."""

    def __init__(self, per_second: float, burst: float, clock: Clock, *, most_keys: int = _MOST_KEYS) -> None:
        self._gap = 1 / per_second if per_second > 0 else 0.0
        self._burst = burst
        self._clock = clock
        self._most_keys = most_keys
        self._lock = threading.Lock()
        # Monotonic time in seconds when the bucket of a key is full again.
        self._full: OrderedDict[str, float] = OrderedDict()

    def take(self, key: str = "") -> float:
        """Count the event and return 0 if it is allowed now, else return the seconds to wait without counting it."""
        if not self._gap:
            return 0.0
        with self._lock:
            now = self._clock.monotonic()
            full = max(now, self._full.get(key, now)) + self._gap
            wait = full - now - self._burst * self._gap
            if wait > 1e-9:
                return wait
            self._full[key] = full
            self._full.move_to_end(key)
            if len(self._full) > self._most_keys:
                self._full.popitem(last=False)
            return 0.0
