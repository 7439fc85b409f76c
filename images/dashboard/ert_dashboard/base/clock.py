"""The only module that reads the time.

Everything else is handed a `Clock`, so that a test can say what time it is.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Two readings: `wall` for what is stored and shown, `monotonic` for measuring."""

    def wall(self) -> float:
        """Seconds since the Unix epoch."""
        ...

    def monotonic(self) -> float:
        """Seconds since an arbitrary point; never jumps."""
        ...


class SystemClock:
    """The machine's own time."""

    def wall(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()


def iso(seconds: float | None) -> str | None:
    """A Unix time as ISO 8601 in UTC, second precision; None stays None."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(int(seconds), tz=UTC).isoformat().replace("+00:00", "Z")
