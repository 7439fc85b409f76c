"""Uses of a machine as an agent keeps them over its restarts: idle times, requests, early starts. Pure.

All are lines of text, so that a small document beside the state holds them, and two agents add to the same. Times are
whole Unix seconds by the provider's clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from ert_deploy.core.idle.hours import DAY
from ert_deploy.core.idle.learned import MOST_GAPS, Gap
from ert_deploy.core.idle.policy import Past
from ert_deploy.core.idle.prewarm import SLOT

IDLE, WANTED, EARLY = "idle", "request", "early"
OPEN, UNUSED, USED = "open", "unused", "used"
MOST_WANTED = 1000  # requests, at most one in a slot of a quarter of an hour
MOST_EARLY = 200
SAME = 120.0  # s by which two agents may see the same idle time differently

Local = Callable[[float], float]


@dataclass(frozen=True, slots=True)
class Early:
    """A start in advance: its begin, when the machine was to be ready and for how long to wait, and its $ unused.

    `cost` is the most that it can be while it is `OPEN`, and 0 once it was used.
    """

    begun: float
    ready: float
    hold: float
    cost: float
    end: str = OPEN


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept, each sorted by its time. Every method returns the same object where nothing is new."""

    gaps: tuple[Gap, ...] = ()
    wanted: tuple[float, ...] = ()
    early: tuple[Early, ...] = ()

    def with_gap(self, gap: Gap) -> Kept:
        """Add an idle time that is over, unless it is known."""
        if any(abs(one.began - gap.began) <= SAME and abs(one.length - gap.length) <= SAME for one in self.gaps):
            return self
        return replace(self, gaps=tuple(sorted((*self.gaps, gap), key=lambda one: one.began))[-MOST_GAPS:])

    def with_wanted(self, times: Iterable[float]) -> Kept:
        """Add requests, of which one in a quarter of an hour counts, and none that is an early start."""
        kept = list(self.wanted)
        for at in times:
            near = any(abs(at - other) < SLOT for other in kept)
            if not near and not any(one.begun - SAME <= at <= one.ready for one in self.early):
                kept.append(at)
        return self if len(kept) == len(self.wanted) else replace(self, wanted=tuple(sorted(kept))[-MOST_WANTED:])

    def beginning(self, early: Early) -> Kept:
        """Add an early start, unless one for the same time is known."""
        if any(abs(one.ready - early.ready) < SLOT for one in self.early):
            return self
        return replace(self, early=(*self.early, early)[-MOST_EARLY:])

    def ending(self, early: Early, end: str, cost: float) -> Kept:
        """Note the end of an early start, and what it cost unused: never more than was set aside for it."""
        ended = replace(early, end=end, cost=min(early.cost, max(0.0, cost)))
        return replace(self, early=tuple(ended if one == early else one for one in self.early))

    @property
    def open(self) -> Early | None:
        """The early start of which it is not known yet whether it was used."""
        return next((one for one in reversed(self.early) if one.end == OPEN), None)

    def spent(self, now: float) -> float:
        """Return the $ of early starts that were not used, or that are not over yet, within the last day."""
        return sum(one.cost for one in self.early if one.begun > now - DAY)

    def past(self, local: Local) -> Past:
        """Return what a policy knows, in the local time of the users."""
        return Past(
            [local(at) for at in self.wanted],
            [Gap(local(one.began), one.length) for one in self.gaps],
            [(local(one.begun), one.cost) for one in self.early if one.end != USED],
        )

    def lines(self) -> frozenset[str]:
        """Return it as text."""
        return frozenset((
            *(f"{IDLE} {one.began:.0f} {one.length:.0f}" for one in self.gaps),
            *(f"{WANTED} {at:.0f}" for at in self.wanted),
            *(f"{EARLY} {one.begun:.0f} {one.ready:.0f} {one.hold:.0f} {one.cost:.4f} {one.end}" for one in self.early),
        ))  # fmt: skip


def kept(lines: Iterable[str]) -> Kept:
    """Return what these lines hold. What none of them should look like is left out."""
    found = [parsed for line in lines for parsed in _parsed(line)]
    return Kept(
        tuple(sorted((one for one in found if isinstance(one, Gap)), key=lambda one: one.began))[-MOST_GAPS:],
        tuple(sorted(one for one in found if isinstance(one, float)))[-MOST_WANTED:],
        tuple(sorted((one for one in found if isinstance(one, Early)), key=lambda one: one.begun))[-MOST_EARLY:],
    )


def _parsed(line: str) -> Iterator[Gap | float | Early]:
    match line.split(" "):
        case ["idle", *fields] if numbers := _numbers(fields, 2):
            began, length = numbers
            yield Gap(began, length)
        case ["request", *fields] if numbers := _numbers(fields, 1):
            yield numbers[0]
        case ["early", *fields, end] if end in (OPEN, UNUSED, USED) and (numbers := _numbers(fields, 4)):
            begun, ready, hold, cost = numbers
            yield Early(begun, ready, hold, cost, end)
        case _:
            return


def _numbers(fields: list[str], count: int) -> list[float]:
    """Return that many numbers, none if they are not."""
    try:
        found = [float(field) for field in fields]
    except ValueError:
        return []
    return found if len(found) == count and all(0 <= one < 1e11 for one in found) else []
