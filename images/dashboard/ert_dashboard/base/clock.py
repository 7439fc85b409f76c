"""Clocks: the only module that reads the system time.

All other code takes a `Clock` argument, so that tests can control the time.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Time source: `wall` for stored and displayed times, `monotonic` for measuring intervals."""

    def wall(self) -> float:
        """Return the seconds since the Unix epoch."""
        ...

    def monotonic(self) -> float:
        """Return the seconds since an arbitrary point; never affected by clock adjustments."""
        ...


class SystemClock:
    """Clock of the operating system."""

    def wall(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()


def iso(seconds: float) -> str:
    """Format a Unix time as ISO 8601 in UTC with second precision."""
    return datetime.fromtimestamp(int(seconds), tz=UTC).isoformat().replace("+00:00", "Z")


def iso_if_known(seconds: float | None) -> str | None:
    """Format a Unix time as `iso` does; None for None."""
    return None if seconds is None else iso(seconds)
