"""Render rate limits: delays calls, based on the response headers, to stay below each limit.

Every response has the remaining calls of its limit and the number of seconds until it is reset. By
api-docs.render.com/reference/rate-limiting, there is one for reads, one for writes and one for logs per user, and one
for deploys per service. The documentation calls the reset an epoch time, but recorded responses contain a number of
seconds; one as large as a Unix time is treated as such.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

EPOCH = 1e9
SPARE = 0.1  # below this share of remaining calls, they are spread over the time until the reset
LONGEST_PAUSE = 120.0


@dataclass(frozen=True, slots=True)
class Bucket:
    """State of one limit in a response: `left` of `limit` calls, until `reset` (Unix time of the local clock)."""

    limit: float
    left: float
    reset: float


class Pace:
    """Known state of each limit of one API key. Other processes with the same key count, too."""

    def __init__(self) -> None:
        self._buckets: dict[str, Bucket] = {}

    def note(self, method: str, path: str, headers: Mapping[str, str], now: float) -> None:
        """Store the limit in the response headers; they are ignored unless all of them are valid."""
        limit, left = number(headers.get("Ratelimit-Limit")), number(headers.get("Ratelimit-Remaining"))
        reset = seconds_until(headers.get("Ratelimit-Reset"), now)
        if limit is not None and left is not None and reset is not None:
            # The header has whole seconds, rounded down, and a call in the last fraction of a second would fail.
            self._buckets[bucket_of(method, path)] = Bucket(limit, left, now + reset + 1.0)

    def pause(self, method: str, path: str, now: float) -> float:
        """Return the seconds to wait before a call: 0, then more the fewer calls remain, then until the reset."""
        known = self._buckets.get(bucket_of(method, path))
        if known is None or now >= known.reset or known.left > known.limit * SPARE:
            return 0.0
        return min((known.reset - now) / (known.left + 1), LONGEST_PAUSE)


def bucket_of(method: str, path: str) -> str:
    """Return the name of the limit that applies to a call."""
    if method == "POST" and path.endswith("/deploys"):
        return path
    if path == "/logs":
        return "logs"
    return "reads" if method == "GET" else "writes"


def seconds_until(text: str | None, now: float) -> float | None:
    """Convert `Ratelimit-Reset` or `Retry-After` to seconds from now; None if it is not a number."""
    value = number(text)
    if value is None:
        return None
    return max(0.0, value - now if value > EPOCH else value)


def number(text: str | None) -> float | None:
    """Parse a number of 0 or more; None for any other text, infinity and NaN."""
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None
