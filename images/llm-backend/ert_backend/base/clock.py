"""Clocks: the only module that reads the time. Standard library only, since the guard imports it.

Durations are measured by the boot clock, which is immune to clock changes and suspend; wall time is for display and
certificates.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

_virtual: Callable[[], float] | None = None


def boot_seconds() -> float:
    """Return the seconds since boot, suspend included; the same number in every process of the container."""
    if _virtual is not None:
        return _virtual()
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


def drive(reading: Callable[[], float] | None) -> None:
    """Replace the boot clock of this process with a simulator's; None restores the real one."""
    global _virtual  # noqa: PLW0603 - one clock per process is what a boot clock is
    _virtual = reading


def utc_now() -> datetime:
    """Return the current time, aware, in UTC."""
    return datetime.now(UTC)


def iso_now() -> str:
    """Return the current time in ISO 8601 with a zone, to the millisecond."""
    return utc_now().isoformat(timespec="milliseconds")


@dataclass(frozen=True, slots=True)
class MoneyClock:
    """Counts `speed` seconds per real second from its creation; used by the rules of the off-switch."""

    speed: float = 1.0
    origin: float = field(default_factory=boot_seconds)

    def now(self) -> float:
        """Return the money seconds since this clock was created."""
        return self.at(boot_seconds())

    def at(self, boot: float) -> float:
        """Convert a boot-clock reading to money time; negative for a reading from before this clock was created."""
        return (boot - self.origin) * self.speed

    def real(self, seconds: float) -> float:
        """Convert `seconds` of money time to real seconds."""
        return seconds / self.speed
