"""A run may die before or after every single effect; running the command again is always enough.

A killed process runs no `finally`: its generator is dropped where it stands and never closed.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace

import pytest

from ert_deploy.core.errors import OfferGone, OutcomeUnknown
from tests.fakes.conduct import stuck
from tests.fakes.history import GONE, WANTED, down, is_down, is_up, start, up
from tests.fakes.loopback import FakeWorld, world

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
    made.gpu.conduct[1003] = stuck
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


@pytest.mark.parametrize("story", STORIES)
def test_a_run_killed_after_any_effect_is_finished_by_the_next_one(story: str) -> None:
    make, desired = STORIES[story]
    for effects in itertools.count():
        world = make()
        if not start(world, desired).die(effects):
            break
        if desired is GONE:
            down(world)
            is_down(world)
        else:
            up(world, desired)
            is_up(world, desired)
        assert world.gpu.most_paid <= 2, f"killed after effect {effects}"
    assert effects > 30, "the story is too short to prove anything"


@pytest.mark.parametrize("story", [name for name in STORIES if name.startswith("up")])
def test_down_after_a_run_was_killed_leaves_nothing(story: str) -> None:
    make, desired = STORIES[story]
    for effects in itertools.count():
        world = make()
        if not start(world, desired).die(effects):
            break
        down(world)
        world.clock.sleep(300)
        is_down(world)


def test_up_after_a_killed_down_is_up_again() -> None:
    for effects in itertools.count():
        world = _served()
        if not start(world, GONE).die(effects):
            break
        up(world)
        is_up(world)


@pytest.mark.parametrize("make", [_fresh, _served], ids=["from nothing", "from a backend with another config"])
def test_a_run_killed_twice_is_finished_by_the_third(make: Callable[[], FakeWorld]) -> None:
    for first, second in itertools.product(range(0, 120, 4), range(1, 120, 9)):
        world = make()
        if not start(world, OTHER).die(first):
            break
        start(world, OTHER).die(second)
        up(world, OTHER)
        is_up(world, OTHER)
