"""`python -m tests.guard_schedules`: random histories of a machine's failures through the guard's own code.

Exit code 1 when a machine was stopped too early, destroyed though it was claimed, or not stopped in time; such a
schedule is printed with its seed. `--seed N` replays it, the same every time, and prints what happens in it.
"""

from __future__ import annotations

import argparse
import secrets
import sys

from ert_backend.base.clock import boot_seconds
from tests.guard_schedules.play import play
from tests.guard_schedules.search import Tally, across, batch, say


def main() -> int:
    """Parse, play, report."""
    parser = argparse.ArgumentParser(prog="python -m tests.guard_schedules", description=__doc__)
    parser.add_argument("-n", type=int, default=100_000, help="how many schedules")
    parser.add_argument("--first", type=int, help="first seed (default: a fresh one)")
    parser.add_argument("--seed", type=int, help="play this one only")
    parser.add_argument("--stop", action="store_true", help="one core, up to the first violation")
    given = parser.parse_args()
    first = secrets.randbelow(2**40) if given.first is None else given.first
    started, tally = boot_seconds(), Tally()
    if given.seed is not None:
        first, tally = given.seed, batch(given.seed, 1)
        say("\n".join([*play(given.seed).history, ""]))
    elif given.stop:
        tally = batch(first, given.n, stop=True)
    else:
        for done in across(first, given.n):
            tally.add(done)
    report(tally, first, boot_seconds() - started)
    return bool(tally.broken)


def report(tally: Tally, first: int, seconds: float) -> None:
    """What was played and what came of it."""
    for played in tally.broken[:20]:
        say(f"seed {played.seed}: {'; '.join(played.broken[:3])}\n")
    say(f"{tally.schedules} schedules from seed {first} in {seconds:.0f} s, {len(tally.broken)} with a violation\n")
    say(", ".join(f"{name} {n}" for name, n in tally.counts.most_common()) + "\n")


if __name__ == "__main__":
    sys.exit(main())
