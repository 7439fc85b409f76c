"""`plan(situation)` as a table: facts as input, steps as output, each on one line with its reason."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest

from ert_deploy.core.model import steps
from ert_deploy.core.model.desired import Criteria
from ert_deploy.core.planning.key_acceptance import besides
from ert_deploy.core.planning.plan import plan
from ert_deploy.core.planning.situation import Situation
from tests.core.situations import guarding, keys, moving, removing, renting, replacing, sleeping
from tests.core.situations.expected_steps import FORECAST
from tests.support.situations import KEY, KEYED, OTHER_KEY, UP, app, instance, record, seen, shown, url

TABLES = (guarding, renting, sleeping, moving, replacing, keys, removing)
SITUATIONS = {name: row for table in TABLES for name, row in table.SITUATIONS.items()}


def test_no_two_situations_have_one_name() -> None:
    assert len(SITUATIONS) == sum(len(table.SITUATIONS) for table in TABLES)


@pytest.mark.parametrize("situation", SITUATIONS)
def test_situation(situation: str) -> None:
    desired, observed, expected = SITUATIONS[situation]
    assert [shown(step) for step in plan(Situation(desired, observed))] == expected


def test_the_table_knows_every_step_and_every_one_has_a_reason() -> None:
    taken = [step for desired, observed, _ in SITUATIONS.values() for step in plan(Situation(desired, observed))]
    assert {type(step) for step in taken} == set(get_args(steps.Step))
    assert all(step.reason for step in taken)


@pytest.mark.parametrize("situation", SITUATIONS)
def test_a_plan_is_a_function_of_its_facts(situation: str) -> None:
    desired, observed, _ = SITUATIONS[situation]
    found = plan(Situation(desired, observed))
    assert found == plan(Situation(desired, observed))
    assert len(set(found)) == len(found), "a step is said twice"


def test_a_plan_shows_no_secret() -> None:
    for desired, observed, _ in SITUATIONS.values():
        situation = Situation(desired, observed)
        found = plan(situation)
        said = repr(found) + repr(situation)
        assert KEY.reveal() not in said
        assert OTHER_KEY.reveal() not in said
        assert url(1) not in repr(found)


def test_an_instance_is_what_the_price_cap_says_now() -> None:
    looser = replace(UP, criteria=Criteria(max_dph=0.50))
    observed = seen(instance(1, dph=0.41), records=(record(1),), apps=(app(KEYED),))
    assert [shown(s) for s in plan(Situation(looser, observed))] == ["AwaitBoot 1: running", *FORECAST]


def test_one_more_key_makes_room_for_itself() -> None:
    """A backend accepts four keys: keys not used by an app are removed first, oldest first."""
    assert besides(("a", "b", "c"), ()) == ("a", "b", "c")
    assert besides(("a", "b", "c", "d"), ("a",)) == ("a", "c", "d")
    assert besides(("a", "b", "c", "d"), ("a", "b", "c", "d")) == ("b", "c", "d")
