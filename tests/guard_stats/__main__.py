"""`python -m tests.guard_stats`: the delay with which machines stop while 30 % of calls to the provider fail.

Exit code 0 when every requirement is met: the right order in every run, p99 within 60 s of the rule, none early.
"""

from __future__ import annotations

import argparse
import secrets
import sys

from ert_backend.base.clock import boot_seconds
from tests.guard_stats.runs import DRAIN_CAP, IDLE, LIFETIME, SPEED, UNCLAIMED
from tests.guard_stats.statistics import kept, played, table


def main() -> int:
    """Parse the arguments, run and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.guard_stats", description=__doc__)
    parser.add_argument("-n", type=int, default=1000, help="how many machines")
    parser.add_argument("--processes", type=float, default=0.05, help="share that is the whole program in a process")
    parser.add_argument("--faults", type=float, default=0.3, help="share of calls that fail")
    parser.add_argument("--seed", type=int, default=None, help="of the faults (default: a fresh one)")
    given = parser.parse_args()
    seed = secrets.randbelow(2**32) if given.seed is None else given.seed
    started = boot_seconds()
    lates, faults = played(given.n, given.processes, given.faults, seed)
    say = sys.stdout.write
    say(f"{given.n} machines, {sum(late.process for late in lates)} of them whole processes; clock {SPEED:g}x; ")
    say(f"seed {seed}; {boot_seconds() - started:.0f} s\n")
    say(f"rules: idle {IDLE:g} s, unclaimed {UNCLAIMED:g} s, lifetime {LIFETIME:g} s + drain cap {DRAIN_CAP:g} s\n")
    calls = sum(faults.values())
    failed = calls - faults["fine"]
    say(f"calls {calls}, failed {failed} ({failed / calls:.0%}): ")
    say(", ".join(f"{kind} {count}" for kind, count in faults.most_common() if kind != "fine") + "\n\n")
    say(table(lates))
    problems = kept(lates)
    say("".join(f"BROKEN: {problem}\n" for problem in problems) or "every promise held\n")
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
