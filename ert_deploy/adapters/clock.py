"""The clocks: real time, and a world's compressed time. The only place of the product that reads or waits on time."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass


class RealClock:
    """Wall time."""

    def now(self) -> float:
        """Unix seconds."""
        return time.time()

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

    def sleep(self, seconds: float) -> None:
        """Wait `seconds` of world time."""
        time.sleep(max(0.0, seconds / self.speed))


class SystemEntropy:
    """The operating system's random bytes."""

    def token_bytes(self, count: int) -> bytes:
        """`count` bytes from the system's generator."""
        return secrets.token_bytes(count)
