"""`python -m tests.mutation`: run random mutants of core and engine and check whether the tests detect them.

The seed is the id of the commit unless another one is given, so that the selection is not biased. The tests run from
the fastest to the slowest, and only until one fails; a mutant for which all tests pass has survived.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

from tests.mutation.copies import ROOT, copy_into
from tests.mutation.operators import Place, mutated, places
from tests.mutation.related import unrelated

# Fastest first; one more follows, see `every_stage`.
STAGES: tuple[tuple[str, ...], ...] = (
    ("tests/core",),
    ("tests/simulation", "-k", "fixed_histories or stays_fixed or single_fault"),
    ("tests/engine",),
)
OTHERS = (
    "tests",
    "-m",
    "not image and not process",
    "--ignore=tests/core",
    "--ignore=tests/engine",
    "--ignore=tests/house",
    "--ignore=tests/docs/test_pages.py",  # lists the pages with git, and the copy is no repository
)
LONGEST = 60  # seconds per test: a mutant may cause an infinite loop
FAILED = re.compile(r"^FAILED (\S+::.*?)(?: - .*)?$", re.MULTILINE)  # in the summary; a parameter may hold spaces
MOST_UNSTABLE = 5
BROKEN = (1, 2, 3, 4)  # pytest's exit codes for a failed test, collection or conftest


@cache
def every_stage() -> tuple[tuple[str, ...], ...]:
    """Return the stages and, last, the remaining tests of `make unit` that import or start the program."""
    return *STAGES, (*OTHERS, *(f"--ignore={file}" for file in unrelated(ROOT)))


def noticed_by(place: Place | None, stages: tuple[tuple[str, ...], ...] = ()) -> str:
    """Return the first stage with a failing test, for a mutant or for the original code (None); empty if none.

    Without `stages`, every stage.
    """
    return failure_of(place, stages)[0]


def failure_of(place: Place | None, stages: tuple[tuple[str, ...], ...] = ()) -> tuple[str, str]:
    """Return the first stage with a failing test, and the end of pytest's output; both empty if none fails."""
    with tempfile.TemporaryDirectory() as folder:
        top = Path(folder)
        copy_into(top)
        if place is not None:
            path = top / place.file
            path.write_text(mutated(path.read_text(), place.number))
        for stage in stages or every_stage():
            if output := _failure(stage, top):
                return " ".join(word for word in stage if not word.startswith("--ignore")), output
    return "", ""


def _failure(stage: tuple[str, ...], top: Path) -> str:
    """Return the end of pytest's output if a test fails, twice in a row and the second time alone; empty if none does.

    On a busy machine a test with a deadline may fail once, which says nothing about a mutant: it is left out then.
    """
    unstable: list[str] = []
    while True:
        code, output = _pytest((*stage, *(f"--deselect={test}" for test in unstable)), top)
        failed = FAILED.findall(output)
        if code not in BROKEN:
            return ""
        if not failed or len(unstable) >= MOST_UNSTABLE or _pytest((failed[-1],), top)[0] in BROKEN:
            return output[-2000:] or f"pytest ended with {code}"
        unstable.append(failed[-1])


def _pytest(arguments: tuple[str, ...], top: Path) -> tuple[int, str]:
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-n0", "-p", "no:cacheprovider", "-o", f"timeout={LONGEST}"]
    environment = {**os.environ, "PYTHONPATH": str(top), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([*command, *arguments], cwd=top, env=environment, capture_output=True, text=True, check=False)
    if done.returncode not in (0, *BROKEN):
        raise RuntimeError(f"pytest ended with {done.returncode}: {done.stdout[-2000:]}")
    return done.returncode, done.stdout + done.stderr


def main() -> int:
    """Select mutants, run the tests and report. Return 0 if at least `--least` percent are detected."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("-n", type=int, default=100, help="how many to draw")
    parser.add_argument("--least", type=int, default=95, help="how many of 100 have to be noticed")
    parser.add_argument("--seed", help="what draws them (default: the id of the commit)")
    parser.add_argument("--begin", type=int, default=1, help="the first of them to run, after an interrupted run")
    given = parser.parse_args()
    git = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    seed = given.seed or git.stdout.strip()
    found = places(ROOT)
    drawn = random.Random(seed).sample(found, min(given.n, len(found)))
    say(f"{len(drawn)} of {len(found):,} places, drawn by {seed}, from number {given.begin}")
    drawn = drawn[given.begin - 1 :]
    failing, output = failure_of(None)
    if failing:
        say(f"the product as it is fails {failing}: nothing could be told from mutants\n{output}")
        return 2
    began, survivors = time.monotonic(), 0
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for place, by in zip(drawn, pool.map(noticed_by, drawn), strict=True):
            survivors += not by
            say(f"{place.file}:{place.line}  {place.what[:100]}  {'noticed by ' + by if by else 'SURVIVED'}")
    noticed = len(drawn) - survivors
    say(f"{noticed} of {len(drawn)} noticed in {(time.monotonic() - began) / 60:.0f} min")
    return int(noticed * 100 < given.least * len(drawn))


def say(text: str) -> None:
    """Write one line to stdout and flush."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
