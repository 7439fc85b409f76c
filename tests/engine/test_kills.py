"""SIGKILL after each effect of a run that moves something, nightly after every one; the next run always completes it.

A process that gets SIGKILL runs no `finally`: its generator is suspended and never closed.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from ert_deploy.core.model.desired import Desired
from ert_deploy.core.model.errors import OfferGone, OutcomeUnknown
from tests.support.fakes.behaviours import stuck
from tests.support.fakes.history import GONE, WANTED, down, is_down, is_up, kill_points, start, up
from tests.support.fakes.loopback import FakeWorld, world
from tests.support.nightly import nightly

OTHER = replace(WANTED, launch=replace(WANTED.launch, context=8192))


def _fresh() -> FakeWorld:
    return world()


def _served() -> FakeWorld:
    made = world()
    up(made)
    return made


def _without_its_state() -> FakeWorld:
    made = _served()
    made.store.lose()
    return made


def _with_trouble_ahead() -> FakeWorld:
    made = world()
    made.gpu.faults.queued["create"] = [OfferGone("taken"), OutcomeUnknown("timeout", "late 100"), None]
    made.gpu.conduct["1003"] = stuck
    return made


STORIES = {
    "up": (_fresh, WANTED),
    "up, with offers that go and calls that hang": (_with_trouble_ahead, WANTED),
    "up, after the state was lost": (_without_its_state, WANTED),
    "up, after the config was changed": (_served, OTHER),
    "up, after both": (_without_its_state, OTHER),
    "down": (_served, GONE),
    "down, after the state was lost": (_without_its_state, GONE),
}
EVERY = [False, *nightly(True)]


def deaths(make: Callable[[], FakeWorld], desired: Desired, *, every: bool) -> Iterator[tuple[int, FakeWorld]]:
    """Yield the environment after SIGKILL at each step of a run, with the number of completed steps."""
    rehearsal = start(make(), desired)
    points = kill_points(rehearsal, every=every)
    assert rehearsal.done > 30, "the story is too short to prove anything"
    for effects in points:
        made = make()
        assert start(made, desired).die(effects)
        yield effects, made


@pytest.mark.parametrize("every", EVERY)
@pytest.mark.parametrize("story", STORIES)
def test_a_run_killed_after_any_effect_is_finished_by_the_next_one(story: str, every: bool) -> None:
    make, desired = STORIES[story]
    for effects, made in deaths(make, desired, every=every):
        if desired is GONE:
            down(made)
            is_down(made)
        else:
            up(made, desired)
            is_up(made, desired)
        assert made.gpu.most_paid <= 2, f"killed after effect {effects}"


@pytest.mark.parametrize("every", EVERY)
@pytest.mark.parametrize("story", [name for name in STORIES if name.startswith("up")])
def test_down_after_a_run_was_killed_leaves_nothing(story: str, every: bool) -> None:
    for _, made in deaths(*STORIES[story], every=every):
        down(made)
        made.clock.sleep(300)
        is_down(made)


@pytest.mark.parametrize("every", EVERY)
def test_up_after_a_killed_down_is_up_again(every: bool) -> None:
    for _, made in deaths(_served, GONE, every=every):
        up(made)
        is_up(made)


@pytest.mark.parametrize("make", [_fresh, _served], ids=["from nothing", "from a backend with another config"])
def test_a_run_killed_twice_is_finished_by_the_third(make: Callable[[], FakeWorld]) -> None:
    for first, second in itertools.product(range(1, 120, 7), range(1, 120, 13)):
        made = make()
        start(made, OTHER).die(first)
        start(made, OTHER).die(second)
        up(made, OTHER)
        is_up(made, OTHER)
