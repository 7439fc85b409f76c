"""Many schedules of the guard on all cores, and what they came to."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

from tests.guard_schedules.play import Played, play

BATCH = 500


@dataclass
class Tally:
    """Sums over schedules; `broken` holds those with a violation."""

    schedules: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    broken: list[Played] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        self.schedules += other.schedules
        self.counts += other.counts
        self.broken += other.broken


def batch(first: int, n: int, *, stop: bool = False) -> Tally:
    """`n` schedules from seed `first` on; with `stop` up to the first violation."""
    tally = Tally()
    for seed in range(first, first + n):
        played = play(seed)
        tally.schedules += 1
        tally.counts.update(played.counts)
        if played.broken:
            tally.broken.append(played)
            if stop:
                break
    return tally


def across(first: int, n: int) -> Iterator[Tally]:
    """The same on all cores, batch by batch."""
    starts = range(first, first + n, BATCH)
    with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        yield from pool.map(batch, starts, [min(BATCH, first + n - at) for at in starts])


def say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
