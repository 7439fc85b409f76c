"""`plan/max_cost`: no create call above the budget, costs in the message, and the current backend is kept."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ert_deploy.core.market.cost import estimate
from ert_deploy.core.model.errors import Failed, OfferGone, OutcomeUnknown
from ert_deploy.engine.budget import spent
from ert_deploy.engine.run_context import Rental, RunMemory
from tests.support.fakes import behaviours
from tests.support.fakes.history import WANTED, is_up, up
from tests.support.fakes.loopback import FakeInstance, offer, world

ONE = estimate(offer(1), WANTED.launch, WANTED.plan_hours).until_healthy()
OTHER = replace(WANTED, launch=replace(WANTED.launch, context=8192))


def test_a_run_stops_before_the_machine_that_would_bring_it_over_its_budget_and_says_the_sums() -> None:
    made = world()
    made.gpu.conduct = dict.fromkeys(map(str, range(1001, 1013)), behaviours.sick)
    with pytest.raises(
        Failed, match=r"one more machine would bring this run to \$0\.\d\d, plan/max_cost is \$0\.4"
    ) as out:
        up(made, replace(WANTED, max_cost=0.4))
    assert len(made.gpu.instances) == 3
    assert made.gpu.paid() == ()
    assert out.value.detail.startswith("$0.27 spent and committed for 3 machines of this run, $0.1")
    assert "plan/max_cost" in out.value.hint


def test_a_budget_that_does_not_reach_for_one_machine_rents_none() -> None:
    made = world()
    with pytest.raises(Failed, match="one more machine") as out:
        up(made, replace(WANTED, max_cost=ONE - 0.01))
    assert made.gpu.instances == {}
    assert made.store.state.generation == 0
    assert "0 machines" in out.value.detail


def test_a_budget_that_reaches_is_no_hindrance_and_one_that_does_not_takes_the_offer_that_it_reaches_for() -> None:
    made = world()
    dear = offer(1, dph_total=0.1, inet_down_cost=0.02)
    made.gpu.offers = (dear, offer(2))
    up(made, replace(WANTED, max_cost=ONE + 0.01))
    is_up(made)
    assert made.gpu.only().machine_id == "1002"


def test_what_serves_is_not_destroyed_for_the_budget() -> None:
    made = world()
    up(made)
    first = made.gpu.only()
    left = up(made, replace(OTHER, max_cost=0.01)).left
    assert left is not None
    assert "plan/max_cost is $0.01" in left.detail
    assert made.gpu.only() is first


def test_an_offer_that_was_taken_costs_nothing_and_a_create_without_an_answer_counts_until_it_is_ruled_out() -> None:
    made = world()
    within = replace(WANTED, max_cost=2.5 * ONE)
    made.gpu.faults.queued["create"] = [OfferGone("no_such_ask"), OutcomeUnknown("timeout", "before")]
    up(made, within)
    is_up(made, within)
    made = world()
    made.gpu.faults.queued["create"] = [OutcomeUnknown("timeout", "before"), OutcomeUnknown("timeout", "before")]
    up(made, within)
    is_up(made, within)


def test_an_instance_that_vanished_costs_no_more() -> None:
    made = world()
    begun: list[FakeInstance] = []

    def vanish(instance: FakeInstance) -> None:
        if not begun:
            begun.append(instance)
            instance.destroyed = made.clock.now()

    made.gpu.conduct["1001"] = vanish
    up(made, replace(WANTED, max_cost=3 * ONE))
    is_up(made)


def test_the_sum_counts_what_has_passed_and_at_least_what_it_takes_to_be_healthy() -> None:
    alive, gone = Rental(0.36, 0.1, 0.2, 1000.0), Rental(0.36, 0.1, 0.2, 1000.0, until=1360.0)
    assert spent(RunMemory(spending={"a": alive}), 1000.0) == pytest.approx(0.2)
    assert spent(RunMemory(spending={"a": alive}), 1000.0 + 36000) == pytest.approx(3.7)
    assert spent(RunMemory(spending={"a": gone}), 9e9) == pytest.approx(0.1 + 0.036)
    assert spent(RunMemory(spending={"a": alive}), 0.0) == pytest.approx(0.2), (
        "a clock that was set back refunds nothing"
    )
