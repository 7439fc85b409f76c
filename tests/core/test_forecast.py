"""`forecast(situation)`: every step of a run in which nothing goes wrong, for each situation of the planner's table."""

from __future__ import annotations

from typing import get_args

import pytest

from ert_deploy.core.model import steps
from ert_deploy.core.planning.forecast.assumed import _AFTER, assumed
from ert_deploy.core.planning.forecast.steps_ahead import forecast
from ert_deploy.core.planning.plan import next_step
from ert_deploy.core.planning.situation import Situation
from tests.core.test_plan import SITUATIONS
from tests.support.situations import KEY, OTHER_KEY, shown

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
