"""Random histories: calls that fail, machines that disappoint, runs that are killed, and a state that gets lost.

Whatever happened, once the trouble is over one `up` ends with exactly one instance that every app uses, and one `down`
with none. On the way never more than two are paid at once and nothing is touched that is not ours; the fake world
checks that after every effect. ERT_STORMS sets how many histories are played, ERT_STORM_SEED the first seed.
"""

from __future__ import annotations

import os
import random
from dataclasses import replace
from typing import Any

import pytest

from ert_deploy.core.model.desired import Desired, Target
from ert_deploy.core.model.errors import ErtError, Failed
from ert_deploy.engine.rotate import rotate
from tests.support.fakes.history import GONE, WANTED, Process, down, is_down, is_up, start, up
from tests.support.fakes.loopback import FakeWorld, world
from tests.support.fakes.random_faults import calm, neighbours, storm

STORMS = int(os.environ.get("ERT_STORMS", "400"))
FIRST = int(os.environ.get("ERT_STORM_SEED", "0"))
BATCHES = 8
ROTATE = replace(WANTED, begin=False)
OTHER = replace(WANTED, launch=replace(WANTED.launch, context=8192))


def _lose_state(world: FakeWorld) -> None:
    """Lost, while no create call is under way: what nobody remembers and nobody sees cannot be waited for."""
    world.clock.sleep(300)
    world.store.lose()


def _up(world: FakeWorld, wanted: Desired) -> None:
    """One `up` is enough, unless a deploy of the stormy time has failed and nobody was told yet."""
    untold = any(not r.proven for r in world.store.state.rollouts)
    try:
        up(world, wanted)
    except Failed:
        assert untold
        up(world, wanted)


def _run(world: FakeWorld, draw: random.Random, targets: tuple[Target, ...]) -> Process[Any]:
    """Any command, before its first effect."""
    wanted = replace(draw.choice((WANTED, WANTED, OTHER, GONE, ROTATE)), targets=targets)
    return start(world, wanted) if wanted.begin else Process(world, rotate(wanted))


def _play(seed: int) -> None:
    draw = random.Random(seed)
    targets = WANTED.targets if draw.random() < 0.7 else (Target("dash"), Target("admin"))
    made = world("ert", *(t.service for t in targets))
    neighbours(made)
    storm(made, draw)
    for _ in range(draw.randrange(1, 6)):
        run = _run(made, draw, targets)
        if draw.random() < 0.5:
            run.die(draw.randrange(1, 200))
            continue
        try:
            run.finish()
        except ErtError:
            continue
        if draw.random() < 0.1:
            _lose_state(made)
    calm(made)
    wanted = replace(draw.choice((WANTED, OTHER)), targets=targets)
    _up(made, wanted)
    is_up(made, wanted)
    down(made, wanted)
    is_down(made, wanted)


@pytest.mark.parametrize("batch", range(BATCHES))
def test_after_any_storm_there_is_exactly_one_and_then_none(batch: int) -> None:
    for seed in range(FIRST + batch, FIRST + STORMS, BATCHES):
        try:
            _play(seed)
        except Exception as error:
            raise AssertionError(f"seed {seed} (ERT_STORM_SEED={seed} ERT_STORMS=1 plays it alone): {error}") from error
