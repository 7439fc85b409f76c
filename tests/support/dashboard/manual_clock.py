"""A clock that is advanced manually."""

from __future__ import annotations


class WoundClock:
    """Both readings advance together."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now

    def wall(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    def go(self, seconds: float) -> None:
        self.now += seconds
