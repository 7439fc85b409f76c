"""Random schedules: runs many of them on all cores and reports the result."""

from __future__ import annotations

import argparse
import logging
import os
import secrets
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias

BATCH = 250
MOST_REPORTED = 20


@dataclass
class Played:
    """The result of one schedule. `history`: its events, a line each that begins with the virtual second."""

    seed: int
    broken: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    history: list[str] = field(default_factory=list)


Play: TypeAlias = Callable[[int], Played]


@dataclass
class Tally:
    """Totals over schedules; `broken` are those with a violation."""

    schedules: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    broken: list[Played] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Add another tally."""
        self.schedules += other.schedules
        self.counts += other.counts
        self.broken += other.broken


def batch(play: Play, first: int, n: int, *, stop: bool = False) -> Tally:
    """Run `n` schedules from seed `first` on; with `stop` up to the first violation. Logging is disabled meanwhile."""
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


def across(play: Play, first: int, n: int) -> Iterator[Tally]:
    """Run the same on all cores; yield the tally of each batch."""
    starts = range(first, first + n, BATCH)
    with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        yield from pool.map(partial(batch, play), starts, [min(BATCH, first + n - at) for at in starts])


def history(play: Play, seed: int) -> list[str]:
    """Return the events of one schedule line by line, violations last; the same on every machine."""
    logging.disable(logging.CRITICAL)
    played = play(seed)
    logging.disable(logging.NOTSET)
    return [*played.history, *played.broken]


def main(play: Play, module: str, description: str | None) -> int:
    """Parse the arguments, run and report; return 0 when no schedule had a violation."""
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=description)
    parser.add_argument("-n", type=int, default=100_000, help="how many schedules")
    parser.add_argument("--first", type=int, help="first seed (default: a fresh one)")
    parser.add_argument("--seed", type=int, help="play this one only")
    parser.add_argument("--stop", action="store_true", help="one core, up to the first violation")
    given = parser.parse_args()
    first = secrets.randbelow(2**40) if given.first is None else given.first
    started, tally = time.monotonic(), Tally()
    if given.seed is not None:
        first, tally = given.seed, batch(play, given.seed, 1)
        say("\n".join([*history(play, given.seed), ""]))
    elif given.stop:
        tally = batch(play, first, given.n, stop=True)
    else:
        for done in across(play, first, given.n):
            tally.add(done)
    report(tally, first, time.monotonic() - started)
    return bool(tally.broken)


def report(tally: Tally, first: int, seconds: float) -> None:
    """Print the number of schedules, the violations and the counts."""
    for played in tally.broken[:MOST_REPORTED]:
        say(f"seed {played.seed}: {'; '.join(played.broken[:3])}\n")
    bound = f"; with 95 % confidence the rate is below {3 / max(1, tally.schedules):.1e} for this mix"
    clean = not tally.broken and tally.schedules >= 100
    said = f"{tally.schedules} schedules from seed {first} in {seconds:.0f} s, {len(tally.broken)} with a violation"
    say(said + (bound if clean else "") + "\n")
    say(", ".join(f"{name} {n}" for name, n in tally.counts.most_common()) + "\n")


def say(text: str) -> None:
    """Print without buffering."""
    sys.stdout.write(text)
    sys.stdout.flush()
