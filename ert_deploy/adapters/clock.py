"""Clocks: real time and the accelerated time of a sandbox. Only this module of the product gets the time or sleeps."""

from __future__ import annotations

import secrets
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

UTC, SANDBOX = "UTC", "sandbox time"  # how a date is marked


def zone_of(sandbox: bool) -> str:
    """Return how the times of a deployment are marked: in a sandbox they are by its own clock."""
    return SANDBOX if sandbox else UTC


def _sleepless() -> Callable[[], float]:
    """Return the system clock that cannot be set and includes system sleep.

    On Linux this is `CLOCK_BOOTTIME`, on macOS `CLOCK_MONOTONIC` (`time.monotonic` excludes system sleep there).
    """
    for name in ("CLOCK_BOOTTIME", *(("CLOCK_MONOTONIC",) if sys.platform == "darwin" else ())):
        if (number := getattr(time, name, None)) is not None:
            try:
                time.clock_gettime(number)
            except OSError:  # a kernel without it
                continue
            return partial(time.clock_gettime, number)
    return time.monotonic


_steady = _sleepless()


class RealClock:
    """Wall-clock time."""

    zone = UTC

    def now(self) -> float:
        """Return the Unix time."""
        return time.time()

    def steady(self) -> float:
        """Return the time of a clock that cannot be set, including system sleep."""
        return _steady()

    def sleep(self, seconds: float) -> None:
        """Sleep for `seconds`."""
        time.sleep(max(0.0, seconds))


@dataclass(frozen=True, slots=True)
class CompressedClock:
    """The time of a sandbox: it runs `speed` times as fast as real time, starting at a shared epoch."""

    speed: float
    epoch_wall: float
    epoch_world: float

    @property
    def zone(self) -> str:
        """How a date of it is marked."""
        return SANDBOX

    def now(self) -> float:
        """Return the sandbox time as Unix time."""
        return self.epoch_world + (time.time() - self.epoch_wall) * self.speed

    def steady(self) -> float:
        """Return the sandbox time of a clock that cannot be set, including system sleep."""
        return _steady() * self.speed

    def sleep(self, seconds: float) -> None:
        """Sleep for `seconds` of sandbox time."""
        time.sleep(max(0.0, seconds / self.speed))


class SystemEntropy:
    """Random bytes of the operating system."""

    def token_bytes(self, count: int) -> bytes:
        """Return `count` random bytes."""
        return secrets.token_bytes(count)
