"""Kill points: a fixed subset for each kind of command; `make kills` runs all of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kills import pool as crew
from tests.kills import verbs
from tests.kills.invariants import is_up
from tests.kills.points import AFTER, BEFORE, Point, Rehearsal
from tests.kills.stage import Stage

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(280)]
EACH = 2  # points per command
ONLY_WHOLE = {  # in `make kills` alone: here a command like each of them is played
    "up, two replicas", "up, two replicas changed", "up, one replica less", "down, two replicas, state lost",
    "down, now", "down, asleep", "down, state lost", "sleep, state lost", "up, state lost", "wake, GPU taken",
    "up, a key rotated and the state lost",
}  # fmt: skip
PLAYED = [name for name in verbs.ALL if name not in ONLY_WHOLE]
JOBS = 2


@pytest.fixture(scope="module")
def played() -> dict[str, tuple[Rehearsal, list[Point]]]:
    """Run the selected points in parallel."""
    with crew.hired(JOBS) as pool:
        return {name: (rehearsal, points) for name, rehearsal, points in crew.play_all(pool, PLAYED, EACH)}


@pytest.mark.parametrize("name", PLAYED)
def test_a_command_that_was_killed_is_finished_by_the_same_command(
    name: str, played: dict[str, tuple[Rehearsal, list[Point]]]
) -> None:
    rehearsal, points = played[name]
    assert len(rehearsal.effects) >= 10, "the verb is too short to prove anything"
    assert [point for point in points if point.wrong] == []
    assert sum(point.killed for point in points) >= EACH - 1, "a slow machine may need a look less"
    assert max(point.most for point in points) <= verbs.ALL[name].most


def test_the_points_are_before_every_effect_and_after_every_one_that_moves_something() -> None:
    rehearsal = Rehearsal(("StateStore.load", "StateStore.save", "StateStore.load"), {}, 1)
    assert rehearsal.points() == [(1, BEFORE), (2, AFTER), (2, BEFORE), (3, AFTER), (3, BEFORE)]
    assert len(rehearsal.points(both=True)) == 6


def test_the_kill_is_a_real_one_and_comes_between_two_effects(world: Stage) -> None:
    ended = world.desk.run("up", number=3, when="before")
    assert ended.code == -signal.SIGKILL
    assert len(world.desk.effects()) == 3
    assert world.ours() == []


def test_a_harness_that_forgets_what_was_rented_is_noticed(world: Stage) -> None:
    """The checks fail without a second run after SIGKILL."""
    assert world.desk.run("up", number="GpuHost.create", when="after").killed
    with pytest.raises(AssertionError):
        is_up(world)


def test_the_launcher_kills_a_process_of_its_own(world: Stage) -> None:
    """This is the manual way to run it, without `Nursery`."""
    argv = [sys.executable, "-m", "tests.kills.launcher", "4", "after", "--", "up"]
    root = str(Path(__file__).resolve().parents[2])
    env = {**world.desk.environ(), "PYTHONPATH": root, "PATH": os.environ["PATH"]}
    done = subprocess.run(argv, cwd=world.desk.folder, env=env, capture_output=True, timeout=120, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    world.desk.ert("up")
    is_up(world)
