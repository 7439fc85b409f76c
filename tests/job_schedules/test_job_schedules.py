"""A sample of `make simulate-jobs`, the seeds that once failed, and some mutants that have to be detected."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.job_schedules.mutants import BACKEND, IMPORTED, MUTANTS, ROOT, killed_by
from tests.job_schedules.play import play
from tests.support.schedules import batch, history

# A client claimed a machine whose stop had been ordered without a response; the flag was cleared, the order came late.
ONCE_FAILED = (1249, 1262, 1271, 1568, 1612, 1659, 1709)
# Another report arrived while the schedule was waiting for the last of the late ones, and was counted as stuck.
CAME_LATE = (301358588149, 301358588269, 301358588578, 301358589574)
# Orders without a response (the guard's jitter), streams cut by a redeploy, machines that are killed.
REPLAYED = (77, 1249, 301358588149, 301358588269, 301358589574, *range(1_000_000, 1_000_015))
ONE_BY_ONE = """
import sys
from tests.job_schedules.play import play
from tests.support.schedules import history
for seed in sys.argv[1:]:
    print(*history(play, int(seed)), sep="\\n")
"""


def test_no_report_is_lost_doubled_or_cut_in_a_share_of_the_schedules() -> None:
    tally = batch(play, 1_000_000, 300)
    assert tally.broken == []
    assert tally.counts["written"] > 500
    assert all(tally.counts[kind] > 20 for kind in ("stop", "outbid", "kill", "crash", "move", "rotate", "redeploy"))


@pytest.mark.parametrize("seed", [*ONCE_FAILED, *CAME_LATE])
def test_what_once_failed_stays_mended(seed: int) -> None:
    assert batch(play, seed, 1).broken == []


def test_a_seed_is_the_same_history_every_time_and_in_every_process() -> None:
    here = {seed: history(play, seed) for seed in REPLAYED}
    assert min(map(len, here.values())) > 10
    backwards = {seed: history(play, seed) for seed in reversed(REPLAYED)}
    assert backwards == here
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, IMPORTED)), "PYTHONHASHSEED": "1"}
    command = [sys.executable, "-c", ONE_BY_ONE, *map(str, REPLAYED)]
    there = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True)
    assert there.stdout.splitlines() == [line for seed in REPLAYED for line in here[seed]]


def test_a_seed_says_nothing_about_its_neighbours() -> None:
    assert history(play, REPLAYED[0]) != history(play, REPLAYED[1])


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: m.name)
def test_a_mutant_is_one_exact_change(mutant: object) -> None:
    file, old = mutant.file, mutant.old  # type: ignore[attr-defined]
    assert (BACKEND / "ert_backend" / file).read_text().count(old) == 1


@pytest.mark.parametrize("name", ["do not wait for a report in flight", "hand over another report's text"])
def test_a_broken_backend_is_noticed(name: str) -> None:
    mutant = next(mutant for mutant in MUTANTS if mutant.name == name)
    assert killed_by(mutant, most=2000) != ""
