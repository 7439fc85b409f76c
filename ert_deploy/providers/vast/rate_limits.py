"""Vast rate limits: delays calls to stay below each limit.

Vast sends no such headers (API docs, rate-limits-and-errors), so the values are those of its OpenAPI sources,
`x-rate-limit` blocks and examples per operation: create 4.5 s and a penalty of 12 s, list 1 s, show 2 s, start and stop
1 s, destroy 3 s, search 10 a minute. They are approximate, hence the margin. Logs and account have no documented value.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

MARGIN = 1.1


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `calls` in `seconds`; after a 429 none for `penalty` seconds."""

    seconds: float
    calls: int = 1
    penalty: float = 0.0


UNKNOWN = Limit(1.0)
LIMITS: Mapping[str, Limit] = {
    "create": Limit(4.5, penalty=12.0),
    "list": Limit(1.0),
    "show": Limit(2.0),
    "manage": Limit(1.0),
    "destroy": Limit(3.0),
    "search": Limit(60.0, calls=10),
    "secrets": Limit(5.0),
}


class Pace:
    """Recent calls of one API key, by operation. Calls of another run with the same key are unknown."""

    def __init__(self) -> None:
        self._ends: dict[str, deque[float]] = {}
        self._held: dict[str, float] = {}

    def note(self, operation: str, now: float, *, refused: bool = False) -> None:
        """Record a call that has just returned, which is the latest time at which the server may have counted it."""
        limit = LIMITS.get(operation, UNKNOWN)
        self._ends.setdefault(operation, deque(maxlen=limit.calls)).append(now)
        if refused:
            self._held[operation] = now + max(limit.penalty, limit.seconds / limit.calls) * MARGIN

    def pause(self, operation: str, now: float) -> float:
        """Return the seconds to wait before the next call, with an upper bound in case the clock was set back."""
        limit = LIMITS.get(operation, UNKNOWN)
        ends = self._ends.get(operation)
        free = ends[0] + limit.seconds * MARGIN if ends is not None and len(ends) == limit.calls else now
        wait = max(free, self._held.get(operation, now)) - now
        return min(max(0.0, wait), max(limit.seconds, limit.penalty) * MARGIN)
