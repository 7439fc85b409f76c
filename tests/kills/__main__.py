"""`python -m tests.kills`: sends SIGKILL to every command before and after each `Effect` and shows the results.

Exit code 0: the next run of the same command always completed it; 1: failures, each printed with its replay command.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

from tests.kills import differential, verbs
from tests.kills import pool as crew
from tests.kills.points import Point, Rehearsal

LINE = "{:<22} {:>10} {:>7} {:>7} {:>10} {:>5} {:>8}"


def main() -> int:
    """Parse the arguments, run and report."""
    parser = argparse.ArgumentParser(prog="python -m tests.kills", description=__doc__)
    parser.add_argument("--verb", action="append", choices=list(verbs.ALL), help="only this one (may be repeated)")
    parser.add_argument("--most", type=int, default=0, help="at most so many points of each verb (default: all)")
    parser.add_argument("--both", action="store_true", help="also right after effects that only look")
    parser.add_argument("--at", metavar="N,before|after", help="only this point of the verb")
    parser.add_argument(
        "--jobs", type=int, default=2 * (os.cpu_count() or 1), help="worlds at once (default: %(default)s)"
    )
    parser.add_argument("--faults", type=int, metavar="N", help="no kill points: every fault twin, and N random faults")
    parser.add_argument("--first", type=int, default=0, help="first seed of the random faults (default: %(default)s)")
    given = parser.parse_args()
    names = given.verb or list(verbs.ALL)
    with crew.hired(given.jobs) as pool:
        if given.faults is not None:
            return _faults(pool, range(given.first, given.first + given.faults))
        if given.at:
            number, when = given.at.split(",")
            return _one(pool, names[0], number, when)
        return _table(crew.play_all(pool, names, given.most, both=given.both))


def _one(pool: ProcessPoolExecutor, name: str, number: str, when: str) -> int:
    point = crew.play_one(pool, name, int(number), when)
    sys.stdout.write(f"{point}\n")
    return bool(point.wrong)


def _faults(pool: ProcessPoolExecutor, seeds: range) -> int:
    started = time.monotonic()
    twinned, drawn = crew.twins_of(pool, differential.rows()), crew.chances_of(pool, seeds)
    wrong = [played for played in (*twinned, *drawn) if played.wrong]
    for played in wrong:
        sys.stdout.write(f"{played.name}: {played.wrong}\n")
    good = sum(not p.wrong for p in drawn)
    same, struck = sum(not p.wrong for p in twinned), sum(p.struck for p in drawn)
    sys.stdout.write(
        f"{len(twinned)} faults for real and in the simulator: {same} came to the same\n"
        f"{len(drawn)} random faults from seed {seeds.start}: {struck} struck, {good} finished\n"
        f"most paid at once {max(p.most for p in (*twinned, *drawn))}, {time.monotonic() - started:.0f} s\n"
    )
    return bool(wrong)


def _table(played: Iterator[tuple[str, Rehearsal, list[Point]]]) -> int:
    started, wrong, points = time.monotonic(), list[Point](), 0
    sys.stdout.write(LINE.format("verb", "boundaries", "points", "killed", "recovered", "most", "seconds") + "\n")
    for name, rehearsal, all_of_it in played:
        killed = sum(point.killed for point in all_of_it)
        good = sum(point.killed and not point.wrong for point in all_of_it)
        most, seconds = max(p.most for p in all_of_it), sum(p.seconds for p in all_of_it)
        row = (name, len(rehearsal.effects), len(all_of_it), killed, good, most, f"{seconds:.0f}")
        sys.stdout.write(LINE.format(*row) + "\n")
        sys.stdout.flush()
        wrong += [point for point in all_of_it if point.wrong]
        points += len(all_of_it)
    for point in wrong:
        sys.stdout.write(
            f"\n{point.when} effect {point.number} ({point.effect}) of {point.verb}: {point.wrong}\n"
            f"  again: python -m tests.kills --verb '{point.verb}' --at {point.number},{point.when}\n"
        )
    elapsed = time.monotonic() - started
    sys.stdout.write(f"{points} kill points in {elapsed:.0f} s; {len(wrong)} not recovered\n")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
