"""Keys that a backend rejects although state and apps agree on them: another one is made, and nothing is rented."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ert_deploy.core.market.cost import estimate
from ert_deploy.core.model.desired import Desired
from ert_deploy.core.model.errors import OverBudget, Transient
from ert_deploy.core.model.events import OfReplica, Trouble
from ert_deploy.core.model.observed import Health, Vital
from ert_deploy.core.planning.situation import Situation
from ert_deploy.engine.apply import Result, apply
from ert_deploy.engine.fleet.refused_keys import WHAT, with_accepted_keys
from ert_deploy.engine.run import run
from ert_deploy.engine.run_context import RunMemory
from tests.support.fakes.fleet import THREE, are_up, fleet, market, of_replica
from tests.support.fakes.history import WANTED, Process, is_up, served, up
from tests.support.fakes.loopback import FakeWorld, offer, world
from tests.support.fakes.rotation import nobody_is_refused, one_key
from tests.support.fakes.sleep import SLEEP


def checked(made: FakeWorld, results: dict[int, Result], desired: Desired = WANTED) -> dict[int, Result]:
    """Look at the keys after a run with these results."""
    return run(with_accepted_keys(desired, results, {number: RunMemory() for number in results}), made.ports)


def told_of_it(made: FakeWorld) -> int:
    """Return how many of such keys were reported."""
    seen = [event.event if isinstance(event, OfReplica) else event for event in made.listener.events]
    return sum(isinstance(event, Trouble) and event.what == WHAT for event in seen)


def test_a_key_that_another_operator_took_away_is_replaced_on_the_same_machine() -> None:
    made = served()
    only = made.gpu.only()
    number, stale = only.id, only.keys
    only.keys = ("ab" * 32,)
    up(made)
    assert only.keys == ("ab" * 32,), "state and apps agree, so that a run alone does nothing"
    checked(made, {1: up(made)})
    assert made.gpu.only().id == number
    assert only.keys not in (stale, ("ab" * 32,))
    one_key(made)
    nobody_is_refused(made)
    is_up(made)
    assert told_of_it(made) == 1


def test_a_key_that_is_taken_costs_one_call_and_changes_nothing() -> None:
    made = served()
    results, before = {1: up(made)}, list(made.backend.changes)
    process = Process(made, with_accepted_keys(WANTED, results, {}))
    assert process.finish() == results
    assert (process.done, made.backend.changes) == (1, before)


def test_what_the_run_before_has_rented_counts_in_the_budget_and_for_its_image() -> None:
    made, memory = world(), RunMemory(ends={"x": {"1009": "why"}})
    bounded = replace(WANTED, max_cost=1.5 * estimate(offer(1), WANTED.launch, WANTED.plan_hours).until_healthy())
    results = {1: Process(made, apply(bounded, memory)).finish()}
    made.gpu.only().keys = ("ab" * 32,)
    process = Process(made, with_accepted_keys(bounded, results, {1: memory}))
    process.step()
    made.gpu.destroy(made.gpu.only().id)  # in the console
    with pytest.raises(OverBudget, match="one more machine would bring this run to"):
        process.finish()
    assert made.gpu.paid() == ()
    again = memory.for_new_key()
    assert (again.rentals, again.rotating, again.ends) == (1, True, memory.ends)


def test_of_three_only_the_one_that_rejects_it_gets_another() -> None:
    made = market()
    fleet(made)
    others = of_replica(made, 1).keys, of_replica(made, 3).keys
    of_replica(made, 2).keys = ("ab" * 32,)
    results = checked(made, fleet(made), THREE)
    assert sorted(results) == [1, 2, 3]
    assert (of_replica(made, 1).keys, of_replica(made, 3).keys) == others
    are_up(made)


@pytest.mark.parametrize("silent", ["timeout", "no certificate", "no address", "no key", "none"])
def test_what_cannot_be_asked_is_left_as_it_is(silent: str) -> None:
    made = served()
    result = up(made)
    current = result.situation.classified.current
    assert current is not None
    made.gpu.only().keys = ("ab" * 32,)
    if silent == "timeout":
        made.backend.faults.queued["accepts"] = [Transient("timeout")]
    elif silent == "no certificate":
        unknown = {current.instance.id: Health(Vital.UNREACHABLE)}
        result = with_observed(result, health=unknown)
    elif silent == "no address":
        result = with_observed(result, instances=(replace(current.instance, address=None),))
    elif silent == "no key":
        result = with_observed(result, publications=())
    else:
        result = with_observed(result, instances=())
    assert checked(made, {1: result}) == {1: result}
    assert told_of_it(made) == 0


def test_a_run_that_may_not_change_apps_or_stops_the_machine_asks_nothing() -> None:
    made = served()
    result = up(made)
    made.gpu.only().keys = ("ab" * 32,)
    for desired in (replace(WANTED, publishes=False), SLEEP):
        before = len(made.backend.faults.calls)
        assert checked(made, {1: result}, desired) == {1: result}
        assert len(made.backend.faults.calls) == before


def with_observed(result: Result, **changed: Any) -> Result:
    """Return the result of a run that had seen something else."""
    situation = result.situation
    return replace(result, situation=Situation(situation.desired, replace(situation.observed, **changed)))
