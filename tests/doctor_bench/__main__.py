"""`python -m tests.doctor_bench`: bring worlds to a trouble, or to none, and count how often `doctor` is right.

Each world is a sandbox of real processes, in which `doctor` and `status` are asked once. Prints one line per world and
the totals; exit status 1 while a target is missed.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.doctor_bench.healthy import Healthy, busy_worlds, worlds
from tests.doctor_bench.judge import NAMES, Case, Outcome, not_made, outcome, read, totals
from tests.doctor_bench.pairs import PAIRS
from tests.doctor_bench.troubles import SINGLES
from tests.doctor_bench.world import World

ERROR = 300  # characters of why a world could not be made


def cases() -> tuple[Case, ...]:
    """Return every world."""
    return (*SINGLES, *PAIRS, *worlds(), *busy_worlds())


def chosen(groups: Sequence[str], only: str, share: int, seed: int) -> list[Case]:
    """Return the worlds of these groups with a part of `only` in their id; `share`: so many, drawn by `seed`.

    A part that begins with `=` is a whole id.
    """
    parts = only.split()
    found = [one for one in cases() if NAMES[type(one)] in groups and (not parts or _has(one.id, parts))]
    return random.Random(seed).sample(found, min(share, len(found))) if share else found


def _has(id: str, parts: Iterable[str]) -> bool:
    return any(id == part[1:] if part.startswith("=") else part in id for part in parts)


def play(case: Case) -> Outcome:
    """Make the world, ask `doctor` and `status`, and judge their output."""
    own_app = not isinstance(case, Healthy) and case.own_app
    try:
        with (
            tempfile.TemporaryDirectory(prefix="doctor-") as folder,
            World(Path(folder, "work"), own_app=own_app) as world,
        ):
            _prepare(case, world)
            doctor, status = world.run("doctor", "--json"), world.run("status", "--json")
    except Exception as error:  # whatever it was: this world is not right, and the others are played
        return not_made(case, f"not made: {type(error).__name__}: {error}"[:ERROR].replace("\n", " "))
    return outcome(case, doctor, status)


def _prepare(case: Case, world: World) -> None:
    if isinstance(case, Healthy):
        case.play(world)
    else:
        case.prepare(world)


def played(worlds: Sequence[Case], jobs: int, record: Path | None) -> list[Outcome]:
    """Play all of them, `jobs` at a time; print each as it ends, and append it to `record`."""
    found: list[Outcome] = []
    at_once = threading.Lock()

    def one(case: Case) -> None:
        ended = play(case)
        with at_once:
            found.append(ended)
            _say(ended.line)
            if record is not None:
                with record.open("a") as file:
                    file.write(ended.record + "\n")

    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(one, worlds))
    return found


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> int:
    """Play what was asked for and return the exit status."""
    asked = argparse.ArgumentParser(prog="python -m tests.doctor_bench", description=__doc__)
    asked.add_argument("groups", nargs="*", default=[], help=f"of {', '.join(NAMES.values())}; default: all")
    asked.add_argument("--only", default="", metavar="PARTS", help="those with one of the parts in their id; =ID: one")
    asked.add_argument("--share", type=int, default=0, metavar="N", help="N of them, drawn by the seed")
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--jobs", type=int, default=2, metavar="N", help="worlds at a time (2)")
    asked.add_argument("--record", type=Path, metavar="FILE", help="append each outcome as a line of JSON")
    asked.add_argument("--count", type=Path, metavar="FILE", help="play nothing: count what FILE has, the last of each")
    given = asked.parse_args()
    if unknown := set(given.groups) - set(NAMES.values()):
        asked.error(f"no such group: {', '.join(sorted(unknown))}")
    if given.count is not None:
        found = list(read(given.count.read_text().splitlines()))
        for one in found:
            _say(one.line)
    else:
        which = chosen(given.groups or tuple(NAMES.values()), given.only, given.share, given.seed)
        found = played(which, given.jobs, given.record)
    _say("")
    met = [True]
    for line, right in totals(found):
        _say(line)
        met.append(right)
    return 0 if found and all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
