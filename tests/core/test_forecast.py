"""`forecast(situation)`: every step of a run in which nothing goes wrong, for each situation of the planner's table."""

from __future__ import annotations

from typing import get_args

import pytest

from ert_deploy.core.model import steps
from ert_deploy.core.planning.changes.summary import summary
from ert_deploy.core.planning.forecast.assumed import _AFTER, assumed
from ert_deploy.core.planning.forecast.steps_ahead import forecast
from ert_deploy.core.planning.plan import next_step
from ert_deploy.core.planning.situation import Situation
from tests.core.test_plan import SITUATIONS
from tests.support.situations import (
    KEY,
    NOW,
    OTHER_KEY,
    SLEEP,
    UP,
    app,
    env,
    healthy,
    instance,
    off,
    record,
    rollout,
    seen,
    served,
    shown,
)

# Without the variables of an app no step of it is known.
UNREAD = {name for name, (_, observed, _) in SITUATIONS.items() if observed.publications is None}


def test_every_step_has_an_assumed_effect() -> None:
    assert set(_AFTER) == set(get_args(steps.Step))


@pytest.mark.parametrize("name", SITUATIONS)
def test_a_forecast_begins_as_the_plan_and_shows_no_secret(name: str) -> None:
    desired, observed, _ = SITUATIONS[name]
    situation = Situation(desired, observed)
    found = forecast(situation)
    assert (found[0] if found else None) == next_step(situation)
    assert KEY.reveal() not in repr(found)
    assert OTHER_KEY.reveal() not in repr(found)


@pytest.mark.parametrize("name", sorted(SITUATIONS.keys() - UNREAD))
def test_after_the_steps_of_a_forecast_nothing_is_left_to_do(name: str) -> None:
    desired, observed, _ = SITUATIONS[name]
    found = forecast(Situation(desired, observed))
    situation = Situation(desired, observed)
    for _ in found:
        step = next_step(situation)
        if step is None:
            break
        situation = assumed(situation, step)
    assert next_step(situation) is None, [shown(s) for s in found]


@pytest.mark.parametrize("name", SITUATIONS)
def test_a_summary_has_each_machine_and_variable_once(name: str) -> None:
    desired, observed, _ = SITUATIONS[name]
    situation = Situation(desired, observed)
    found = forecast(situation)
    said = summary(situation, found)
    written = {(s.target, n) for s in found if isinstance(s, steps.Publish) for n in (*s.write, *s.delete)}
    assert written <= {(one.service, one.name) for one in said.variables}
    assert len({(one.service, one.name) for one in said.variables}) == len(said.variables)
    gone = {s.instance_id for s in found if isinstance(s, steps.Destroy)}
    assert gone <= {one.instance_id for one in said.machines}


def test_a_start_that_may_still_come_is_stopped_again() -> None:
    observed = seen(
        instance(1), records=(served(1, woken=NOW - 10),), apps=(app(env(1)),), health=(healthy(1),),
        rollouts=(rollout(env(1), NOW - 100),),
    )  # fmt: skip
    found = forecast(Situation(SLEEP, observed))
    assert [type(s).__name__ for s in found] == ["Stop", "AwaitStop", "Stop"]


def test_the_key_of_an_app_is_kept_if_the_state_was_lost() -> None:
    """Its backend reports that it accepts the key, so that no other one is written."""
    held = env(1, key=OTHER_KEY)
    lost = record(1, published=True)
    found = forecast(Situation(UP, seen(instance(1), records=(lost,), apps=(app(held),), health=(healthy(1),))))
    assert not [s for s in found if isinstance(s, steps.Publish)]


def test_a_deploy_interrupts_only_a_service_that_has_a_disk() -> None:
    situation = Situation(UP, seen(apps=(app(off()),)))
    found = forecast(situation)
    (target,) = {step.target for step in found if isinstance(step, steps.Deploy)}
    for downtime, said in ((frozenset[str](), "keeps responding"), (frozenset({target}), "does not respond")):
        assert [one.what for one in summary(situation, found, downtime).interruptions if said in one.what]
