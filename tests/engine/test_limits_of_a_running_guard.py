"""Limits of the guard that change in the config: sent to the machine that runs, not paid for with another one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ert_deploy.core.model.desired import Guard
from ert_deploy.core.model.errors import Failed, Rejected, Transient
from ert_deploy.core.model.events import LimitsSet
from tests.support.fakes.history import WANTED, done, kinds, served, told, up

Limits = tuple[int, int, int]
LONGER = replace(WANTED, launch=replace(WANTED.launch, guard=Guard(idle_stop=3600)))


def test_they_are_sent_once_and_the_machine_stays() -> None:
    made = served()
    before, steps = made.gpu.only().id, len(done(made))
    up(made, LONGER)
    assert made.gpu.only().id == before
    assert made.gpu.only().limits == (3600, 2700, 43200)
    assert told(made, LimitsSet) == [LimitsSet(before, 3600, 2700, 43200)]
    assert kinds(made, steps) == ["SetLimits"]
    up(made, LONGER)
    up(made)
    assert made.gpu.only().limits == (1200, 2700, 43200)
    assert [type(e).__name__ for e in told(made, LimitsSet)] == ["LimitsSet"] * 2


def test_an_image_that_is_too_old_is_replaced_as_before() -> None:
    made = served()
    made.backend.says_limits = False
    before = made.gpu.only().id
    up(made, LONGER)
    assert made.gpu.only().id != before
    assert made.gpu.only().order.env["ERT_IDLE_STOP"] == "3600"


def test_no_answer_is_asked_again() -> None:
    made = served()
    made.backend.faults.queued["set_limits"] = [Transient("no answer")]
    up(made, LONGER)
    assert made.gpu.only().limits == (3600, 2700, 43200)


def test_a_refusal_ends_the_run_and_changes_nothing() -> None:
    made = served()
    made.backend.faults.queued["set_limits"] = [Rejected("/admin/limits answered 422")]
    with pytest.raises(Failed, match="does not take its limits: /admin/limits answered 422"):
        up(made, LONGER)
    assert made.gpu.only().limits == (1200, 2700, 43200)


@pytest.mark.parametrize(
    ("given", "left"),
    [
        ((600, 2700, 43200), (600, 2700, 43200)),  # an agent has shortened it
        ((1200, 2700, 43200), (1200, 2700, 43200)),
        ((1800, 2700, 43200), (1200, 2700, 43200)),
        ((0, 2700, 43200), (1200, 2700, 43200)),
        ((600, 2700, 86400), (1200, 2700, 43200)),
    ],
)
def test_a_shorter_idle_limit_is_left_to_an_agent_and_nothing_else_is(given: Limits, left: Limits) -> None:
    made = served()
    made.gpu.only().limits = given
    up(made, replace(WANTED, shortens_idle=True))
    assert made.gpu.only().limits == left
    up(made)
    assert made.gpu.only().limits == (1200, 2700, 43200)


def test_without_a_limit_in_the_config_any_limit_is_a_shorter_one() -> None:
    made = served()
    none = replace(WANTED, launch=replace(WANTED.launch, guard=Guard(idle_stop=0)))
    up(made, none)
    assert made.gpu.only().limits == (0, 2700, 43200)
    made.gpu.only().limits = (600, 2700, 43200)
    up(made, replace(none, shortens_idle=True))
    assert made.gpu.only().limits == (600, 2700, 43200)
