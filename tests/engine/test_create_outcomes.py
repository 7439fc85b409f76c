"""Results of a create call: offer gone, rejected, response lost, or an instance that is listed late."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ert_deploy.core.model import steps
from ert_deploy.core.model.desired import Phase
from ert_deploy.core.model.errors import CreateRefused, Failed, OfferGone, OutcomeUnknown
from ert_deploy.core.model.events import CreateUnknown, OfferLost
from tests.support.fakes.history import WANTED, done, down, is_down, is_up, kinds, save_late, start, told, until, up
from tests.support.fakes.loopback import offer, world


def test_an_offer_that_is_gone_costs_no_wait_and_its_token_stays_on_watch() -> None:
    made = world()
    made.gpu.faults.queued["create"] = [OfferGone("no_such_ask"), None]
    run = start(made)
    while len(told(made, OfferLost)) == 0:
        run.step()
    slept = made.clock.slept
    while not made.gpu.instances:
        run.step()
    assert made.clock.slept == slept
    run.finish()
    is_up(made)
    assert made.gpu.only().machine_id == "1002"
    (kept,) = made.store.state.intents
    assert kept.gone
    assert kept.machine_id == "1001"


def test_a_token_kept_on_watch_is_forgotten_after_the_settle_time() -> None:
    made = world()
    made.gpu.faults.queued["create"] = [OfferGone("no_such_ask")]
    up(made)
    made.clock.sleep(WANTED.timings.settle)
    before = len(done(made))
    up(made)
    assert kinds(made, before) == ["DropIntent"]
    assert made.store.state.intents == ()


@pytest.mark.parametrize("phase", [Phase.ASLEEP, Phase.ABSENT])
def test_an_offer_that_was_taken_delays_neither_sleep_nor_down(phase: Phase) -> None:
    made = world()
    made.gpu.faults.queued["create"] = [OfferGone("no_such_ask")]
    up(made)
    up(made, replace(WANTED, phase=phase))
    assert made.gpu.running() == ()
    assert not any(isinstance(s, steps.Settle) for s in done(made))
    assert made.store.state.intents == () or phase is Phase.ASLEEP


def test_twenty_offers_lost_in_a_row_are_enough() -> None:
    made = world()
    made.gpu.offers = tuple(offer(n) for n in range(1, 60))
    made.gpu.faults.queued["create"] = [OfferGone("no_such_ask")] * 60
    with pytest.raises(Failed, match="20 offers were taken"):
        up(made)
    assert made.gpu.instances == {}


@pytest.mark.parametrize("effect", ["before", "after", "late 30", "late 150", "twice"])
def test_a_create_without_an_answer_is_never_lost_and_never_paid_three_times(effect: str) -> None:
    made = world()
    made.gpu.faults.queued["create"] = [OutcomeUnknown("timeout", effect)]
    up(made)
    is_up(made)
    made.clock.sleep(300)
    is_up(made)
    assert made.gpu.most_paid <= 2
    (unknown,) = told(made, CreateUnknown)
    assert unknown.why == "timeout"


def test_a_create_that_lands_after_the_run_has_died_is_found_by_down() -> None:
    made = world()
    made.gpu.faults.queued["create"] = [OutcomeUnknown("timeout", "late 100")]
    until(start(made), lambda: made.gpu.late)
    down(made)
    is_down(made)
    assert len(made.gpu.instances) == 1, "it landed, and it was destroyed"


def test_two_creates_without_an_answer_fill_the_slots_and_a_third_waits_for_them() -> None:
    made = world()
    made.gpu.faults.queued["create"] = [OutcomeUnknown("timeout", "late 140"), OutcomeUnknown("timeout", "late 140")]
    up(made)
    is_up(made)
    assert any(isinstance(s, steps.Settle) for s in done(made))
    assert made.gpu.most_paid == 2
    assert len(made.gpu.instances) == 2


def test_a_refused_create_fails_and_its_token_stays_on_watch() -> None:
    made = world()
    made.gpu.faults.queued["create"] = [CreateRefused("insufficient_credit", "before", "add credit")]
    with pytest.raises(Failed, match="insufficient_credit") as failed:
        up(made)
    assert failed.value.hint == "add credit"
    (kept,) = made.store.state.intents
    assert not kept.gone
    up(made)
    is_up(made)


def test_a_refused_create_that_left_an_instance_behind_is_adopted_by_the_next_run() -> None:
    made = world()
    made.gpu.faults.queued["create"] = [CreateRefused("bid too low")]
    with pytest.raises(Failed):
        up(made)
    (left,) = made.gpu.paid()
    up(made)
    is_up(made)
    assert made.gpu.paid() == (left,)
    assert len(made.gpu.instances) == 1


def test_the_intent_is_durable_before_the_create_call_and_no_create_is_made_without_it() -> None:
    made = world()
    made.store.faults.queued["save"] = [Failed("disk full")]
    with pytest.raises(Failed, match="disk full"):
        up(made)
    assert made.gpu.faults.calls.count("create") == 0
    assert made.gpu.instances == {}


def test_a_fact_that_cannot_be_written_is_found_again_by_its_mark() -> None:
    made = world()
    made.store.faults.queued["save"] = [None, Failed("disk full")]
    with pytest.raises(Failed, match="disk full"):
        up(made)
    assert len(made.gpu.paid()) == 1
    before = len(done(made))
    up(made)
    is_up(made)
    assert kinds(made, before)[0] == "RecordInstance"
    assert len(made.gpu.instances) == 1


@pytest.mark.parametrize("by_id", [0, 60], ids=["found by id", "not even found by id"])
def test_a_newborn_that_is_not_listed_for_a_minute_is_neither_forgotten_nor_doubled_twice(by_id: float) -> None:
    made = world()
    made.gpu.hidden, made.gpu.unknown = 60, by_id
    up(made)
    is_up(made)
    assert made.gpu.most_paid <= (2 if by_id else 1)


def test_down_right_after_a_create_waits_for_the_newborn_to_show() -> None:
    made = world()
    made.gpu.hidden = made.gpu.unknown = 60
    until(start(made), lambda: made.store.state.records)
    down(made)
    is_down(made)


def test_a_create_that_lands_while_a_slow_listing_is_on_its_way_is_found_by_the_next_one() -> None:
    made = world()
    made.gpu.faults.queued["create"] = [OutcomeUnknown("timeout", "late 205")]
    until(start(made), lambda: made.gpu.late)
    made.web.services["dash"].env.clear()
    made.web.services["dash"].env.update(world().web.services["dash"].env)
    made.clock.sleep(190)
    made.gpu.slow_list = 60
    down(made)
    made.clock.sleep(60)
    is_down(made)


@pytest.mark.parametrize(("slept", "set_by"), [(61.0, 0.0), (61.0, -3600.0), (0.0, 3600.0)])
def test_a_create_that_was_written_down_long_ago_is_not_made(slept: float, set_by: float) -> None:
    made = world()
    run = start(made)
    save_late(run, slept, set_by)
    with pytest.raises(Failed, match="writing the state took"):
        run.finish()
    assert (made.gpu.paid(), made.store.state.intents) == ((), ())
    before = made.clock.now()
    up(made)
    is_up(made)
    assert made.clock.now() - before < WANTED.timings.settle, "there is nothing to wait for"


def test_a_create_without_an_answer_keeps_the_next_one_off_its_machine() -> None:
    made = world()
    made.gpu.offers = (*made.gpu.offers, offer(13, machine_id="1001", dph_total=0.1))
    made.gpu.faults.queued["create"] = [OutcomeUnknown("timeout", "late 100")]
    up(made)
    assert [i.machine_id for i in made.gpu.instances.values()] == ["1002", "1001"]
