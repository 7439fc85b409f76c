"""Stored digests of runs: detect whether a code change modifies the behaviour in the simulator.

`histories.txt` has one line for every 500 values of `seed`. A refactoring does not modify any line; an intended change
of behaviour updates the file in the same commit.
"""

from __future__ import annotations

import argparse
import hashlib
import multiprocessing
import sys
from pathlib import Path

from tests.simulation.history import play
from tests.simulation.search import CHUNK, Tally, cores, say

RECORDED = Path(__file__).with_name("histories.txt")
LENGTH = 16  # hexadecimal digits per line


def digest(first: int, tally: Tally | None = None) -> str:
    """Hash every effect with its time and fault, and the results, of the `CHUNK` runs whose first seed is `first`.

    The runs and their failures are added to `tally`.
    """
    total = hashlib.sha256()
    for seed in range(first, first + CHUNK):
        outcome = play(seed, trace=True)
        assert outcome.world is not None
        if tally is not None:
            tally.add(outcome)
            tally.broken += [{"seed": seed, "violation": outcome.violation}] if outcome.violation else []
        ended = outcome.effects, outcome.kills, outcome.most_paid, outcome.excused, outcome.violation
        total.update(repr((seed, outcome.world.trace, ended, outcome.world.state)).encode())
    return total.hexdigest()[:LENGTH]


def recorded() -> dict[int, str]:
    """Parse `histories.txt` into a dict by the first `seed` of each line."""
    lines = (line.split() for line in RECORDED.read_text().splitlines() if not line.startswith("#"))
    return {int(first): found for first, found in lines}


def main() -> int:
    """Compare with the stored digests or write them. Return 1 if a line is different, after printing its range."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.histories", description=__doc__)
    parser.add_argument("-n", type=int, default=200_000, help="how many seeds, from 0")
    parser.add_argument("--record", action="store_true", help="write histories.txt instead of comparing with it")
    given = parser.parse_args()
    firsts = range(0, given.n, CHUNK)
    with multiprocessing.get_context("fork").Pool(cores()) as pool:
        found = dict(zip(firsts, pool.imap(digest, firsts), strict=True))
    if given.record:
        lines = [f"{first:>9}  {line}" for first, line in found.items()]
        RECORDED.write_text("\n".join([f"# first seed of {CHUNK}, digest", *lines]) + "\n")
        say(f"{len(found) * CHUNK:,} histories recorded")
        return 0
    known = recorded()
    changed = [first for first, line in found.items() if known.get(first) != line]
    for first in changed:
        say(f"seeds {first} to {first + CHUNK - 1}: {'changed' if first in known else 'not recorded'}")
    say(f"{len(found) * CHUNK:,} histories, {len(changed)} of {len(found)} lines differ from {RECORDED.name}")
    return 1 if changed else 0


if __name__ == "__main__":
    sys.exit(main())
