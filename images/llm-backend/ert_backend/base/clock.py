"""The only place that reads time. Standard library only: the guard imports it.

Durations come from the boot clock, which no clock change or suspend can fool; wall time is for people and certificates.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

_virtual: Callable[[], float] | None = None


def boot_seconds() -> float:
    """Seconds since the kernel started, suspend included; the same number in every process of the container."""
    if _virtual is not None:
        return _virtual()
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


def drive(reading: Callable[[], float] | None) -> None:
    """Let a simulator say what the boot clock reads in this process; None gives it back to the kernel."""
    global _virtual  # noqa: PLW0603 - one clock per process is what a boot clock is
    _virtual = reading


def utc_now() -> datetime:
    """Wall time, aware, in UTC."""
    return datetime.now(UTC)


def iso_now() -> str:
    """Wall time as ISO 8601 with a zone, to the millisecond."""
    return utc_now().isoformat(timespec="milliseconds")


@dataclass(frozen=True, slots=True)
class MoneyClock:
    """Counts `speed` seconds per real second from the moment it was made; what the off-switch rules are timed by."""

    speed: float = 1.0
    origin: float = field(default_factory=boot_seconds)

    def now(self) -> float:
        """Money seconds since this clock was made."""
        return self.at(boot_seconds())

    def at(self, boot: float) -> float:
        """The money time of a boot-clock reading; negative for one from before this clock was made."""
        return (boot - self.origin) * self.speed

    def real(self, seconds: float) -> float:
        """How many real seconds `seconds` of money time last."""
        return seconds / self.speed
