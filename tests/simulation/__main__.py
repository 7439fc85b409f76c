"""`python -m tests.simulation`: random test runs by default, or every run with at most `--faults` faults."""

from __future__ import annotations

import argparse
import secrets
import sys

from tests.simulation import search
from tests.simulation.faults import FAMILIES


def main() -> int:
    """Parse the arguments, run and report. Return 1 if an invariant does not hold (reported with a replay), else 0."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("-n", type=int, default=100_000, help="how many random histories")
    parser.add_argument("--first", type=int, help="first seed (default: a fresh one)")
    parser.add_argument("--faults", type=int, help="play all histories with up to so many faults instead")
    parser.add_argument("--begin", type=int, default=0, help="of --faults: go on after so many shares")
    parser.add_argument(
        "--tale",
        choices=(*search.TALES, *search.NARROW_TALES, *search.FLEET_TALES),
        action="append",
        help="of --faults: of this story alone",
    )
    parser.add_argument("--kind", choices=FAMILIES, action="append", help="of --faults: this kind of fault alone")
    parser.add_argument("--stop", action="store_true", help="end with the first failure and keep nothing")
    parser.add_argument("--raced", action="store_true", help="with two machines that race in each rental")
    parser.add_argument("--agents", action="store_true", help="with agents beside the operators")
    parser.add_argument("--replicas", action="store_true", help="with up to five replicas, raised and lowered")
    given = parser.parse_args()
    kind = next((name for name in ("raced", "agents", "replicas") if getattr(given, name)), "")
    cores = search.cores()
    if given.faults is not None:
        tally, seconds = search.timed(
            search.exhaustive_across,
            given.faults,
            cores,
            given.tale or tuple(search.TALES),
            kinds=given.kind or (),
            stop=given.stop,
            begin=given.begin,
        )
    else:
        first = secrets.randbelow(2**40) if given.first is None else given.first
        search.say(f"first seed {first}")
        tally, seconds = search.timed(search.across, first, given.n, cores, stop=given.stop, kind=kind)
    return search.report(tally, seconds, cores)


if __name__ == "__main__":
    sys.exit(main())
