"""Random fault tests: failing calls, machines that do not work, SIGKILL of runs, and removal of the state.

After the last fault one `up` results in exactly one instance that every app uses, and one `down` in none. Before that,
at most two instances are rented at a time, and resources of other owners are never changed; `FakeWorld` checks both
after every step. ERT_STORMS sets the number of runs, ERT_STORM_SEED the first seed.
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
    """Remove the state while no create call is pending: without state such a call would be unknown."""
    world.clock.sleep(300)
    world.store.lose()


def _up(world: FakeWorld, wanted: Desired) -> None:
    """Run `up`; it may fail once to report a failed deploy from the time with faults."""
    untold = any(not r.proven for r in world.store.state.rollouts)
    try:
        up(world, wanted)
    except Failed:
        assert untold
        up(world, wanted)


def _run(world: FakeWorld, draw: random.Random, targets: tuple[Target, ...]) -> Process[Any]:
    """Return any command before its first step."""
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
