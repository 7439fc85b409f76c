"""Waking of several replicas: one at a time, as many as are asked for, and all within one limit."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ert_deploy.agent.choice import refused_by
from ert_deploy.app import lifecycle
from ert_deploy.app.deployment import Deployment
from ert_deploy.app.waking.look import Look
from ert_deploy.core.verdict.starts import Policy
from ert_deploy.core.verdict.waking import Phase, Waking
from tests.support.agent.served import Agent, agent, eventually
from tests.support.agent.shared import shared
from tests.support.fakes.deployment import on_fakes
from tests.support.fakes.history import WANTED
from tests.support.fakes.loopback import FakeWorld, world

THREE = replace(WANTED, replicas=3)


@pytest.fixture
def made() -> FakeWorld:
    made = world()
    lifecycle.up(on_fakes(made, THREE))
    lifecycle.sleep(on_fakes(made, THREE))
    return made


def served(made: FakeWorld, **policy: int) -> Deployment:
    deployment = shared(made, desired=THREE)
    settings = replace(deployment.settings, policy=Policy(**policy)) if policy else deployment.settings
    return replace(deployment, settings=settings)


def running(made: FakeWorld) -> int:
    return sum(not one.halted for one in made.gpu.list_instances())


def ready(one: Agent, machines: int) -> bool:
    """Repeat the request as an app does; return whether so many are ready, and nothing is under way."""
    status = one.call("POST", f"/wake?machines={machines}").status_code
    return status == 200 and one.keepers[0].view.flight is None


def test_so_many_are_woken_as_are_wanted_one_after_the_other(made: FakeWorld) -> None:
    with agent(served(made)) as one:
        eventually(lambda: one.wake().status_code == 200)
        assert running(made) == 1
        eventually(lambda: ready(one, 2))
        assert running(made) == 2
        eventually(lambda: ready(one, 3))
        assert running(made) == 3
        assert ready(one, 8), "there are no more"
        assert one.call("POST", "/wake?machines=9").status_code == 422
    assert made.gpu.faults.calls.count("start") == 3
    assert made.gpu.faults.calls.count("create") == 3  # those of the first `up`


def test_the_starts_of_all_count_together(made: FakeWorld) -> None:
    made.clock.sleep(3600.0)  # the first hour has the rentals
    with agent(served(made, wakes_per_hour=2)) as one:
        eventually(lambda: ready(one, 2))
        eventually(lambda: one.call("POST", "/wake?machines=3").status_code == 429)
    assert running(made) == 2


@pytest.mark.parametrize(("asleep", "refused"), [((), False), ((2,), True)])
def test_a_machine_that_runs_is_repaired_whatever_the_limit(asleep: tuple[int, ...], refused: bool) -> None:
    seen = Look("ert", 0.0, Waking(Phase.READY, paid=True), wait=60.0, asleep=asleep)
    assert (refused_by(seen, Policy()) is not None) is refused


def test_a_run_for_one_of_them_leaves_the_others_as_they_are(made: FakeWorld) -> None:
    lifecycle.wake(on_fakes(made, THREE), only=frozenset({1, 3}))
    assert running(made) == 2
    assert [one.asleep for one in lifecycle.wake(on_fakes(made, THREE), only=frozenset({2})).backends] == [False]
    assert running(made) == 3
    assert [one.asleep for one in lifecycle.sleep(on_fakes(made, THREE), only=frozenset({2})).backends] == [True]
    assert running(made) == 2
