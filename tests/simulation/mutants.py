"""Mutation tests of the simulator: change one line of the code under test and check that the change is detected.

Each mutant of `mutations` is applied to a temporary copy of the code, and detected by the means that it names: random
histories, all histories of one sequence of commands, or one test. `make mutants` runs all of them.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.mutation.copies import ROOT, copy_into
from tests.simulation.history import replay
from tests.simulation.mutations import MUTANTS, Mutant
from tests.simulation.search import revive, say

ALL = MUTANTS
MOST = 20_000
OF_CORE = 0.75  # least share of the mutants of core that random histories have to detect
LONGEST = 120  # seconds for a named test


@dataclass(frozen=True)
class Fate:
    """Result for a mutant: what detected it (empty: nothing did), the number of runs, and the reason."""

    mutant: Mutant
    by: str
    schedules: str
    why: str

    @property
    def by_histories(self) -> bool:
        """Whether random histories detected it."""
        return bool(self.by) and not (self.mutant.tale or self.mutant.test)


def mutate(mutant: Mutant, into: Path) -> None:
    """Copy the product and the simulator, and apply the mutation. Raises ValueError if it does not match."""
    ignore = shutil.ignore_patterns("__pycache__", "seeds")
    for part in ("ert_deploy", "tests/simulation"):
        shutil.copytree(ROOT / part, into / part, ignore=ignore)
    _apply(mutant, into)


def _apply(mutant: Mutant, into: Path) -> None:
    for file, old, new in ((mutant.file, mutant.old, mutant.new), *((mutant.also,) if mutant.also else ())):
        path = into / "ert_deploy" / file
        text = path.read_text()
        if text.count(old) != 1:
            raise ValueError(f"{mutant.name}: its text is {text.count(old)} times in {file}")
        path.write_text(text.replace(old, new))


def hunt(mutant: Mutant, first: int = 0, most: int = MOST) -> Fate:
    """Detect a mutant on one CPU by the means that it names, with up to `most` random histories.

    Raises RuntimeError if the mutant does not run, or if the history that it fails fails without it as well.
    """
    with tempfile.TemporaryDirectory() as folder:
        if mutant.test:
            return _tested(mutant, Path(folder))
        mutate(mutant, Path(folder))
        which = ["--first", str(first), "-n", str(most), *(["--replicas"] if mutant.replicas else [])]
        if mutant.tale:
            which = ["--faults", "2", "--tale", mutant.tale, *(f"--kind={kind}" for kind in mutant.kinds)]
        command = [sys.executable, "-m", "tests.simulation", *which, "--stop"]
        environment = {**os.environ, "PYTHONPATH": folder, "ERT_SIM_CORES": "1"}
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    played = re.search(r"^schedules +([\d,]+)", done.stdout, re.MULTILINE)
    if played is None:
        raise RuntimeError(f"{mutant.name}: it could not be simulated: {done.stderr[-2000:]}")
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    if not found:
        return Fate(mutant, "", played[1], "")
    tale, plan = revive(found[0])
    if otherwise := replay(tale, plan.items()).violation:
        raise RuntimeError(f"{mutant.name}: the same history fails without it: {otherwise}")
    faults = ", ".join(f"{name} at {number}" for number, name, _ in found[0]["faults"])
    by = f"seed {found[0]['seed']}" if found[0]["seed"] is not None else faults
    return Fate(mutant, by, played[1], found[0]["violation"])


def _tested(mutant: Mutant, folder: Path) -> Fate:
    """Run the named test on a mutated copy of product and tests. Raises RuntimeError if it neither fails nor passes."""
    copy_into(folder)
    _apply(mutant, folder)
    options = ["-q", "-n0", "-p", "no:cacheprovider", "-o", f"timeout={LONGEST}", mutant.test]
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", *options]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        raise RuntimeError(f"{mutant.name}: pytest ended with {done.returncode}: {done.stdout[-2000:]}")
    return Fate(mutant, mutant.test if done.returncode else "", "1", done.stdout.strip().rpartition("\n")[2])


def main() -> int:
    """Run the mutants in parallel. Return 1 if one is undetected or random histories detect too few, else 0."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.mutants", description=__doc__)
    parser.add_argument("-n", type=int, default=MOST, help="how many random histories at most")
    parser.add_argument("--only", action="append", default=[], help="those whose name contains this")
    given = parser.parse_args()
    chosen = [mutant for mutant in ALL if not given.only or any(words in mutant.name for words in given.only)]
    fates = []
    with ThreadPoolExecutor(int(os.environ.get("ERT_SIM_CORES", "0")) or os.cpu_count() or 1) as pool:
        for fate in pool.map(partial(hunt, most=given.n), chosen):
            fates.append(fate)
            end = f"killed by {fate.by}: {fate.why[:70]}" if fate.by else "SURVIVED"
            say(f"{fate.mutant.name:<64}{fate.schedules:>8}  {end}")
    killed = [fate for fate in fates if fate.by]
    core = [fate for fate in fates if fate.mutant.file.startswith("core/")]
    soon = [fate for fate in core if fate.by_histories]
    say(f"{len(killed)} of {len(fates)} killed by the means they name")
    say(f"{len(soon)} of {len(core)} of core by at most {given.n:,} random histories")
    return int(len(killed) < len(fates) or len(soon) < OF_CORE * len(core))


if __name__ == "__main__":
    sys.exit(main())
