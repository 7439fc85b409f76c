"""Budgets of a day and a month in a run: nothing starts beyond them, and each guard gets its part."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from ert_deploy.core.market.cost import estimate
from ert_deploy.core.model.boot.allowance import LEAST, Allowance, seconds
from ert_deploy.core.model.errors import BudgetSpent, NeedsAttention
from ert_deploy.core.model.events import Trouble
from ert_deploy.core.planning.situation import Situation
from ert_deploy.engine.budget import for_guard, given
from ert_deploy.engine.run_context import Rental, Run, RunMemory
from tests.support.fakes import behaviours
from tests.support.fakes.history import WANTED, is_up, told, up
from tests.support.fakes.loopback import FakeInstance, FakeWorld, offer, world
from tests.support.fakes.sleep import WAKE, asleep
from tests.support.situations import seen

HOURLY = estimate(offer(1), WANTED.launch, WANTED.plan_hours).hourly
TWO = Allowance(2.0, 2.0, "$2.00 of $3.00 is left until midnight UTC", "wait")
NOTHING = Allowance(0.0, 0.0, "$0.00 of $3.00 is left until midnight UTC", "wait", "destroy")


def budget_of(made: FakeInstance) -> str | None:
    return made.order.env.get("ERT_BUDGET_SECONDS")


def test_a_machine_is_created_with_its_part_of_the_budget_for_each_slot() -> None:
    made = world()
    up(made, replace(WANTED, allowance=TWO))
    is_up(made, replace(WANTED, allowance=TWO))
    only = made.gpu.only()
    assert budget_of(only) == str(int(1.0 / HOURLY * 3600))
    assert only.order.env["ERT_AT_BUDGET"] == "stop"
    alone = world()
    up(alone, replace(WANTED, allowance=TWO, slots=1))
    assert budget_of(alone.gpu.only()) == str(int(2.0 / HOURLY * 3600))


def test_without_a_budget_the_create_call_is_as_it_was() -> None:
    made = world()
    up(made)
    assert budget_of(made.gpu.only()) is None
    assert "ERT_AT_BUDGET" not in made.gpu.only().order.env


def test_nothing_is_rented_when_nothing_is_left_and_the_error_says_what_and_until_when() -> None:
    made = world()
    with pytest.raises(BudgetSpent, match="does not allow to start a GPU") as out:
        up(made, replace(WANTED, allowance=NOTHING))
    assert isinstance(out.value, NeedsAttention)
    assert out.value.exit_code == 5
    assert (out.value.detail, out.value.hint) == (NOTHING.why, "wait")
    assert made.gpu.instances == {}


def test_nothing_is_woken_when_nothing_is_left_and_something_when_there_is() -> None:
    made = asleep()
    with pytest.raises(BudgetSpent):
        up(made, replace(WAKE, allowance=NOTHING))
    assert made.gpu.only().starts == 0
    up(made, replace(WAKE, allowance=Allowance(0.0, 2.0, "", "")))  # all of it was given to this one before
    is_up(made)


def test_what_other_machines_were_given_starts_no_sleeping_one() -> None:
    made = asleep()
    token = made.store.state.records[0].token
    with pytest.raises(BudgetSpent):
        up(made, replace(WAKE, allowance=Allowance(0.0, 2.0, "", "", given={token: 0.1, "other": 1.99})))
    assert made.gpu.only().starts == 0
    up(made, replace(WAKE, allowance=Allowance(0.0, 2.0, "", "", given={token: 1.0, "other": 1.0})))
    is_up(made)


def test_a_machine_that_serves_needs_no_budget_to_go_on() -> None:
    made = world()
    up(made)
    up(made, replace(WANTED, allowance=NOTHING))
    is_up(made)


def test_a_machine_that_failed_leaves_less_for_the_next_one() -> None:
    made = world()
    made.gpu.conduct = {"1001": behaviours.sick}
    up(made, replace(WANTED, allowance=TWO, slots=1))
    first, second = (int(budget_of(one) or 0) for one in made.gpu.instances.values())
    assert second < first
    assert second > 0.8 * first


def behind(allowance: Allowance) -> FakeWorld:
    def boot(one: FakeInstance) -> None:
        one.boot = 2000.0

    made = world()
    made.gpu.conduct = {"1001": boot}
    up(made, replace(WANTED, launch=replace(WANTED.launch, hedge=2), allowance=allowance))
    return made


def test_a_second_machine_gets_the_other_half() -> None:
    first, second = (int(budget_of(one) or 0) for one in behind(TWO).gpu.instances.values())
    assert second == pytest.approx(first, rel=0.2)


def test_without_a_part_for_it_the_second_machine_is_not_rented_and_the_first_one_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    parts = iter([{"ERT_BUDGET_SECONDS": "3600"}])

    def part(*_: object) -> dict[str, str]:
        found = next(parts, None)
        if found is None:
            raise BudgetSpent("the budget does not allow to start a GPU now")
        return found

    monkeypatch.setattr("ert_deploy.engine.rent.for_guard", part)
    made = behind(TWO)
    assert len(made.gpu.instances) == 1
    said = [one for one in told(made, Trouble) if one.what == "no second machine is rented"]
    assert said
    assert "does not allow to start" in said[0].why


def test_what_ended_counts_with_its_cost_and_what_runs_with_all_that_it_may_spend() -> None:
    memory = RunMemory(spending={
        "a": Rental(HOURLY, 0.1, 0.2, 0.0, until=3600.0, given=1.0),
        "b": Rental(HOURLY, 0.1, 0.2, 0.0, given=0.5),
    })  # fmt: skip
    run = Run(Situation(replace(WANTED, allowance=TWO, slots=1), seen()), memory)
    left = 2.0 - (HOURLY + 0.1) - 0.5
    assert for_guard(HOURLY, run, 9000.0) == {
        "ERT_BUDGET_SECONDS": str(int(left / HOURLY * 3600)), "ERT_AT_BUDGET": "stop",
    }  # fmt: skip
    assert given({"ERT_BUDGET_SECONDS": "7200"}, 0.5) == 1.0
    assert given({}, 0.5) == 0.0


def test_too_little_to_be_of_use_is_nothing() -> None:
    assert seconds(1.0, 1.0) == 3600
    assert seconds(LEAST / 3600.0 - 0.001, 1.0) == 0
    assert seconds(-1.0, 1.0) == 0
    assert seconds(1.0, 0.0) > 0
    assert seconds(1.0, math.nan) == 0, "its price is not known"
