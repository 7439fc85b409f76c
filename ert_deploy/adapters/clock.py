"""The clocks: real time, and a world's compressed time. The only place of the product that reads or waits on time."""

from __future__ import annotations

import secrets
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial


def _sleepless() -> Callable[[], float]:
    """The system's clock that cannot be set and counts the time a machine sleeps.

    On Linux that is CLOCK_BOOTTIME, on macOS CLOCK_MONOTONIC (not Python's `monotonic`, which stands still there).
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
    """Wall time."""

    def now(self) -> float:
        """Unix seconds."""
        return time.time()

    def steady(self) -> float:
        """Seconds by a clock that cannot be set, the machine's sleep included."""
        return _steady()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(max(0.0, seconds))


@dataclass(frozen=True, slots=True)
class CompressedClock:
    """A sandbox world's time: `speed` world seconds pass in one real second, counted from a shared epoch."""

    speed: float
    epoch_wall: float
    epoch_world: float

    def now(self) -> float:
        """World time as Unix seconds."""
        return self.epoch_world + (time.time() - self.epoch_wall) * self.speed

    def steady(self) -> float:
        """World seconds by a clock that cannot be set, the machine's sleep included."""
        return _steady() * self.speed

    def sleep(self, seconds: float) -> None:
        """Wait `seconds` of world time."""
        time.sleep(max(0.0, seconds / self.speed))


class SystemEntropy:
    """The operating system's random bytes."""

    def token_bytes(self, count: int) -> bytes:
        """`count` bytes from the system's generator."""
        return secrets.token_bytes(count)
