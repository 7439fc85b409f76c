"""Row of the waker: the interface of both stores, and the count of requests. No I/O."""

from __future__ import annotations

from typing import Protocol

PROBLEM_S = 600.0  # for which a problem of waking is shown
WITHIN_S = 3600.0  # in which requests to wake are counted


class WakerRow(Protocol):
    """Which process wakes the backend, and whether a visitor asked for it: one row for all processes of the store."""

    def hold(self) -> bool:
        """Make this process the waker, unless another living one is; return whether it is the waker now."""
        ...

    def leave(self) -> None:
        """Give the role back, so that another process can take it at once."""
        ...

    def ask(self, now: float, until: float, most: int) -> float:
        """Record a visitor's request, which holds until `until` in Unix seconds, and return 0.

        If `most` were made within `WITHIN_S`, return the seconds to wait instead. While one holds, another is free.
        """
        ...

    def wanted(self, now: float) -> bool:
        """Whether a visitor's request still holds."""
        ...

    def settle(self) -> None:
        """End the visitor's request: it was met, or cannot be."""
        ...

    def tell(self, problem: str, now: float) -> None:
        """Store why the backend is not being started; "" while nothing is in the way."""
        ...

    def problem(self, now: float) -> str:
        """Return what was told within the last `PROBLEM_S`."""
        ...


def counted(asked: list[float], now: float, most: int) -> tuple[list[float], float]:
    """Return the requests within `WITHIN_S` with a new one, and 0; or without it, and the seconds to wait for it."""
    recent = sorted(at for at in asked if now - WITHIN_S < at <= now)
    if len(recent) < most:
        return [*recent, now], 0.0
    return recent, recent[-most] + WITHIN_S - now if most > 0 else WITHIN_S
