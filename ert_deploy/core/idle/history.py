"""Own history of a deployment: when its machine was asked for, how long starts were, and which failed.

A request that finds the machine running leaves no event, so that what is read here is when it was asked for and did not
run. Events whose time is only the writer's are left out.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ert_deploy.core.idle.prices import HOUR, Prices, Taken
from ert_deploy.core.model.log.happened import Happened

RENTED, STARTED, STRANDED = "rented", "started", "stranded"
SERVES = ("ready", "published", "proven")  # events after which the machine is of use
ENDS = ("stopped", "destroying", "destroyed", "gone")
LONGEST_START = 2 * HOUR  # s: what is longer was not a start
WEIGHT = 4.0  # starts that the assumed share counts for


@dataclass(frozen=True, slots=True)
class Uses:
    """Times at which the machine was asked for and did not run, and what its starts were like, in seconds.

    `kept` and `anew` are those of a stopped and of another machine; `starts` counts those of stopped ones, `refused`
    those whose GPU was taken. `hourly` is the last known price in $/h, None if no event has one.
    """

    wanted: tuple[float, ...] = ()
    kept: tuple[float, ...] = ()
    anew: tuple[float, ...] = ()
    starts: int = 0
    refused: int = 0
    hourly: float | None = None

    @property
    def days(self) -> float:
        """Days between the first and the last time."""
        return (self.wanted[-1] - self.wanted[0]) / (24 * HOUR) if self.wanted else 0.0

    def priced(self, prices: Prices) -> Prices:
        """Return the prices with what was measured: medians of the starts, the price, the share that was taken."""
        kept = statistics.median(self.kept) if self.kept else prices.kept
        anew = statistics.median(self.anew) if self.anew else prices.anew
        limit = (WEIGHT * prices.taken.limit + self.refused) / (WEIGHT + self.starts)
        return replace(
            prices,
            gpu=prices.gpu if self.hourly is None else self.hourly,
            kept=min(kept, anew),
            anew=max(kept, anew),
            taken=Taken(limit, prices.taken.after),
        )


def uses(history: Iterable[Happened]) -> Uses:
    """Return what the events of a state show, oldest first."""
    events = [event for event in history if event.at > 0]
    walk = _Walk()
    for event in events:
        walk.see(event)
    return Uses(tuple(walk.wanted), tuple(walk.kept), tuple(walk.anew), walk.starts, walk.refused, _hourly(events))


class _Walk:
    """State between two events: which machines start, how and since when, and which serve."""

    def __init__(self) -> None:
        self.wanted: list[float] = []
        self.kept: list[float] = []
        self.anew: list[float] = []
        self.starts = self.refused = 0
        self._serving: set[str] = set()
        self._begun: dict[str, tuple[str, float]] = {}

    def see(self, event: Happened) -> None:
        """Take the next event into account."""
        if event.what in (RENTED, STARTED):
            if event.what == STARTED:
                self.starts += 1
                self._serving.discard(event.instance)  # its guard had stopped it
            if not self._serving and not self._begun:
                self.wanted.append(event.at)
            self._begun[event.instance] = event.what, event.at
        elif event.what == STRANDED:
            self.refused += 1  # the same request goes on with another machine
        elif event.what in SERVES:
            self._measure(event)
        elif event.what in ENDS:
            self._begun.pop(event.instance, None)
            self._serving.discard(event.instance)

    def _measure(self, event: Happened) -> None:
        instance = event.instance or next(iter(self._begun), "")  # an app names no machine
        if not instance:
            return
        begun = self._begun.get(instance)
        if begun is not None and 0 < event.at - begun[1] <= LONGEST_START:
            (self.anew if begun[0] == RENTED else self.kept).append(event.at - begun[1])
        self._begun.clear()
        self._serving.add(instance)


def _hourly(events: Sequence[Happened]) -> float | None:
    """Return the price in $/h of the last machine whose rental and cost are both known."""
    rented = {event.instance: event.at for event in events if event.what == RENTED}
    for event in reversed(events):
        age = event.at - rented.get(event.instance, event.at)
        if event.cost > 0 and age > 0:
            return event.cost * HOUR / age
    return None
