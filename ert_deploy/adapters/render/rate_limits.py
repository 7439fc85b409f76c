"""Render's rate limits as its answers tell them: how long to wait so that the next call is not refused.

Every answer carries what is left of its bucket and in how many seconds the bucket is full again. Buckets, by
api-docs.render.com/reference/rate-limiting: reads, writes and logs per user, deploys per service. The documentation
calls the reset an epoch time; recorded answers hold seconds left, so a number as large as a time is taken for one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

EPOCH = 1e9
SPARE = 0.1  # the share of a bucket below which calls are spread over what is left of its time
LONGEST_PAUSE = 120.0


@dataclass(frozen=True, slots=True)
class Bucket:
    """What one answer said: calls left of `limit`, until `reset` (our clock, Unix seconds)."""

    limit: float
    left: float
    reset: float


class Pace:
    """The buckets of one API key as far as they are known. Another run with the same key draws from them too."""

    def __init__(self) -> None:
        self._buckets: dict[str, Bucket] = {}

    def note(self, method: str, path: str, headers: Mapping[str, str], now: float) -> None:
        """Remember what an answer says of its bucket; one that says nothing, or nonsense, changes nothing."""
        limit, left = number(headers.get("Ratelimit-Limit")), number(headers.get("Ratelimit-Remaining"))
        reset = seconds_until(headers.get("Ratelimit-Reset"), now)
        if limit is not None and left is not None and reset is not None:
            # The header is cut to whole seconds, and a call in the last part of a second would be refused.
            self._buckets[bucket_of(method, path)] = Bucket(limit, left, now + reset + 1.0)

    def pause(self, method: str, path: str, now: float) -> float:
        """Seconds to wait before a call: none while there is plenty, then ever longer, then until the reset."""
        known = self._buckets.get(bucket_of(method, path))
        if known is None or now >= known.reset or known.left > known.limit * SPARE:
            return 0.0
        return min((known.reset - now) / (known.left + 1), LONGEST_PAUSE)


def bucket_of(method: str, path: str) -> str:
    """The name of the bucket a call is counted in."""
    if method == "POST" and path.endswith("/deploys"):
        return path
    if path == "/logs":
        return "logs"
    return "reads" if method == "GET" else "writes"


def seconds_until(text: str | None, now: float) -> float | None:
    """`Ratelimit-Reset` or `Retry-After` as seconds from now; None when it is not a number."""
    value = number(text)
    if value is None:
        return None
    return max(0.0, value - now if value > EPOCH else value)


def number(text: str | None) -> float | None:
    """A finite number that is not negative, or None."""
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None
