"""Many schedules on all cores, and what they came to."""

from __future__ import annotations

import logging
import os
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

from tests.job_schedules.play import play
from tests.job_schedules.schedule import Played

BATCH = 250


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
    logging.disable(logging.CRITICAL)
    tally = Tally()
    for seed in range(first, first + n):
        played = play(seed)
        tally.schedules += 1
        tally.counts.update(played.counts)
        if played.broken:
            tally.broken.append(played)
            if stop:
                break
    logging.disable(logging.NOTSET)
    return tally


def across(first: int, n: int) -> Iterator[Tally]:
    """The same on all cores, batch by batch."""
    starts = range(first, first + n, BATCH)
    with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        yield from pool.map(batch, starts, [min(BATCH, first + n - at) for at in starts])


def history(seed: int) -> list[str]:
    """What happens in one schedule, line by line, and last what was wrong with it: the same wherever it is played."""
    logging.disable(logging.CRITICAL)
    played = play(seed)
    logging.disable(logging.NOTSET)
    return [*played.history, *played.broken]


def say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
