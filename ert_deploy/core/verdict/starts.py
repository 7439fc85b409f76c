"""Starts of a deployment by the history in its state: what a limit per hour counts. Pure.

The history has a bounded length. Where it does not reach back an hour, no further start is allowed until it does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ert_deploy.core.model.log.happened import ENDS, MOST_HISTORY, Happened

HOUR = 3600.0
ONE_WAKE = 600.0  # seconds within which further starts belong to the same wake, unless an event closed it
_STARTS = ("started", "rented")
_CLOSES = ("ready", "stopped", "published", *ENDS)


@dataclass(frozen=True, slots=True)
class Policy:
    """Limits of what is done without a person. `wakes_per_hour`: starts of an agent on request."""

    wakes_per_hour: int = 6


def wakes(history: Sequence[Happened], now: float) -> tuple[float, ...]:
    """Return when each wake of the last hour began, the oldest first, by the provider's clock.

    A wake may start several machines: one whose GPU is taken, then another one.
    """
    return tuple(at for at in _begun(history) if at > now - HOUR)


def wait_for_start(history: Sequence[Happened], now: float, most: int) -> float:
    """Return the seconds until another start is within `most` per hour; 0 if it is now."""
    return wait_for_starts((history,), now, most)


def wait_for_starts(histories: Iterable[Sequence[Happened]], now: float, most: int) -> float:
    """Return the same for the histories of several replicas, whose starts count together."""
    begun, waits = list[float](), [0.0]
    for history in histories:
        begun += wakes(history, now)
        if len(history) >= MOST_HISTORY:
            waits.append(abs(history[0].at) + HOUR - now)
    begun.sort()
    if len(begun) >= most:
        waits.append(begun[-most] + HOUR - now)
    return max(waits)


def _begun(history: Sequence[Happened]) -> Iterator[float]:
    first: float | None = None
    for event in history:
        at = abs(event.at)
        if event.what in _STARTS and (first is None or at - first >= ONE_WAKE):
            first = at
            yield at
        elif event.what in _CLOSES:
            first = None
