"""Waits of one replica for others: for its turn to rent, to publish with them, and how each wait ends."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ert_deploy.core.model import steps
from ert_deploy.core.model.boot.others import Others
from ert_deploy.core.model.errors import NeedsAttention
from ert_deploy.core.model.events import Waiting
from ert_deploy.core.model.observed import Vital
from ert_deploy.engine.apply import apply
from ert_deploy.engine.run_context import RunMemory
from tests.support.fakes.history import OTHER, WANTED, Process, done, is_up, served, told, until
from tests.support.fakes.loopback import FakeWorld, world


def run_with(made: FakeWorld, memory: RunMemory, **changes: object) -> Process:  # type: ignore[type-arg]
    return Process(made, apply(replace(OTHER, **changes), memory))  # type: ignore[arg-type]


def turns(made: FakeWorld) -> list[steps.AwaitTurn]:
    return [step for step in done(made) if isinstance(step, steps.AwaitTurn)]


def test_a_replica_waits_for_its_turn_as_long_as_others_are_at_work() -> None:
    made = served()
    memory = RunMemory(others=Others(1))
    run = run_with(made, memory)
    begun = made.clock.now()
    until_then = begun + 3 * (OTHER.timings.boot_limit + OTHER.timings.deploy_limit)
    while made.clock.now() < until_then:
        assert run.step()
    assert made.gpu.most_paid == 1
    assert {wait.what for wait in told(made, Waiting)} >= {"another replica to have one instance"}
    memory.others = Others()
    run.finish()
    is_up(made, OTHER)


def test_the_wait_ends_where_nobody_works_on_it() -> None:
    made = served()
    begun = made.clock.now()
    with pytest.raises(NeedsAttention, match="ert may not rent: another replica has a second instance"):
        run_with(made, RunMemory(others=Others(1), stalled=True)).finish()
    longest = OTHER.timings.boot_limit + OTHER.timings.deploy_limit
    assert longest < made.clock.now() - begun < longest + 60.0
    assert made.gpu.most_paid == 1


def test_what_others_do_begins_the_wait_anew() -> None:
    made = served()
    memory = RunMemory(others=Others(1), stalled=True)
    run = run_with(made, memory)
    until(run, lambda: memory.stalled_since is not None)
    memory.stalled = False
    again = run_with(made, memory)
    until(again, lambda: memory.stalled_since is None)
    assert turns(made)


def test_it_publishes_with_others_or_after_five_minutes() -> None:
    made = world()
    memory = RunMemory(joins=True)
    run = Process(made, apply(WANTED, memory))
    until(run, lambda: turns(made))
    begun = made.clock.now()
    again = Process(made, apply(WANTED, memory))
    again.finish()
    is_up(made)
    assert 290.0 < made.clock.now() - begun < 400.0
    assert {step.until for step in turns(made)} == {memory.join_until}


def test_it_stops_to_wait_as_soon_as_nobody_boots() -> None:
    made = world()
    memory = RunMemory(joins=True)
    run = Process(made, apply(WANTED, memory))
    while not turns(made):
        run.step()
    begun = made.clock.now()
    memory.joins = False
    run.finish()
    is_up(made)
    assert made.clock.now() - begun < 90.0
    assert Vital.HEALTHY
