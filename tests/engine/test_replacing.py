"""Config change: the old backend is used until the replacement is ready, and is not removed because of its price."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ert_deploy.core.model import steps
from ert_deploy.core.model.desired import Criteria, Desired, Market, Phase
from ert_deploy.core.model.errors import Failed, UsageError
from ert_deploy.core.model.events import Renting, Retired
from ert_deploy.core.model.state import InstanceRecord
from tests.support.fakes import behaviours
from tests.support.fakes.history import WANTED, done, is_up, start, told, until, up
from tests.support.fakes.loopback import FakeWorld, offer, world

CHEAPER = replace(WANTED, criteria=Criteria(max_dph=0.15))
WAKE = replace(CHEAPER, begin=False)
SLEEP = replace(CHEAPER, phase=Phase.ASLEEP)
OTHER = replace(WANTED, launch=replace(WANTED.launch, context=8192))
BID = replace(WANTED, launch=replace(WANTED.launch, market=Market.INTERRUPTIBLE, bid=0.4))


def serves_all_along(made: FakeWorld, wanted: Desired) -> None:
    """Run the command and check that the backend of the app's running configuration is always up."""
    run = start(made, wanted)
    names = wanted.targets[0].names
    while run.step():
        url = made.web.services["dash"].running[names.url].reveal()
        used = [made.gpu.instances[i] for i in made.gpu.running()]
        assert any(url.endswith(f":{m.port}") for m in used), "the app's backend is gone, and it runs with no other"
    if run.error is not None:
        raise run.error
    assert run.result is not None
    if run.result.left is not None:
        raise run.result.left


@pytest.mark.parametrize("command", [CHEAPER, WAKE], ids=["up", "wake"])
def test_a_lower_cap_without_an_offer_below_it_leaves_what_serves_alone(command: Desired) -> None:
    made = world()
    up(made)
    first = made.gpu.only()
    left = up(made, command).left
    assert left is not None
    assert left.exit_code == 5
    assert left.summary == (
        f"instance {first.id} keeps serving, but it costs $0.2010/h, the cap is $0.15/h (offer/max_dph): "
        "$0.0510/h too much"
    )
    assert "no offer matches" in left.detail
    assert "offer" in left.hint
    assert made.gpu.only() is first
    assert told(made, Retired) == []
    is_up(made)


def test_a_lower_cap_with_an_offer_below_it_moves_the_app_before_the_dear_one_goes() -> None:
    made = world()
    up(made)
    first = made.gpu.only()
    made.gpu.offers = (*made.gpu.offers, offer(30, dph_total=0.12))
    serves_all_along(made, CHEAPER)
    assert made.gpu.only() is not first
    assert made.gpu.only().dph == 0.12
    assert [r.reason for r in told(made, Retired)] == ["replaced"]
    assert made.store.state.denied == ()
    is_up(made, CHEAPER)


def test_what_was_begun_before_the_cap_was_lowered_is_finished_with_what_serves() -> None:
    made = world()
    until(start(made), lambda: isinstance(done(made)[-1] if done(made) else None, steps.Prove))
    assert up(made, CHEAPER).left is not None
    is_up(made)


def test_a_sleep_with_a_lower_cap_keeps_the_disk_and_an_up_after_it_rents_below_the_cap() -> None:
    made = world()
    up(made)
    first = made.gpu.only()
    up(made, SLEEP)
    assert made.gpu.only() is first
    assert first.halted
    with pytest.raises(UsageError, match="no offer matches"):
        up(made, WAKE)
    assert made.gpu.only() is first, "its disk is kept"
    made.gpu.offers = (*made.gpu.offers, offer(30, dph_total=0.12))
    up(made, WAKE)
    is_up(made, CHEAPER)


def test_a_price_that_is_not_known_for_a_moment_changes_nothing() -> None:
    made = world()
    up(made)
    first = made.gpu.only()
    behaviours.priceless(first)
    assert up(made).left is None
    assert made.gpu.only() is first


@pytest.mark.parametrize("offers", [(), (offer(1),)], ids=["no offer", "no offer but its own"])
def test_another_spec_that_nothing_can_be_rented_for_leaves_what_serves_alone(offers: tuple[object, ...]) -> None:
    made = world()
    up(made)
    first = made.gpu.only()
    made.gpu.offers = offers  # type: ignore[assignment]
    left = up(made, OTHER).left
    assert left is not None
    assert "launch.context changed" in left.summary
    assert made.gpu.only() is first


def test_another_spec_is_served_before_the_old_one_goes() -> None:
    made = world()
    up(made)
    serves_all_along(made, OTHER)
    is_up(made, OTHER)


def test_machines_that_do_not_work_leave_what_serves_alone() -> None:
    made = world()
    up(made)
    first = made.gpu.only()
    made.gpu.conduct = dict.fromkeys(map(str, range(1002, 1013)), behaviours.sick)
    left = up(made, OTHER).left
    assert left is not None
    assert "6 rented machines did not become healthy" in left.detail
    assert made.gpu.only() is first


def test_with_one_slot_there_is_no_room_for_a_replacement_and_that_is_said() -> None:
    made = world()
    up(made)
    first = made.gpu.only()
    for wanted in (OTHER, CHEAPER):
        left = up(made, replace(wanted, slots=1)).left
        assert left is not None
        assert "plan/slots: 2" in left.hint
        assert made.gpu.only() is first


def test_another_market_alone_changes_nothing() -> None:
    made = world()
    up(made)
    first = made.gpu.only()
    assert up(made, BID).left is None
    assert made.gpu.only() is first


def test_a_bid_as_high_as_the_cap_rents_nothing_as_the_disk_comes_on_top() -> None:
    made = world()
    made.gpu.offers = tuple(offer(n, dph_total=0.11, min_bid=0.1) for n in range(1, 9))
    with pytest.raises(UsageError, match="no offer matches") as nothing:
        up(made, BID)
    assert "a contract costs launch/bid and the disk" in nothing.value.hint
    assert made.gpu.instances == {}
    assert made.store.state.denied == ()


def test_a_bid_that_leaves_room_for_the_disk_is_what_the_contract_costs() -> None:
    made = world()
    made.gpu.offers = tuple(offer(n, dph_total=0.11, min_bid=0.1) for n in range(1, 9))
    lower = replace(BID, launch=replace(BID.launch, bid=0.3))
    up(made, lower)
    is_up(made, lower)
    assert made.gpu.only().dph == pytest.approx(0.31)
    assert [r.hourly for r in told(made, Renting)] == pytest.approx([0.31])


def test_nothing_serves_and_nothing_can_be_rented_is_an_error_as_before() -> None:
    made = world()
    made.gpu.conduct = dict.fromkeys(map(str, range(1001, 1013)), behaviours.sick)
    with pytest.raises(Failed, match="6 rented machines"):
        up(made)


def test_a_sleep_in_the_middle_of_a_move_stops_what_serves_before_it_destroys_it() -> None:
    made = world()
    up(made)
    first = made.gpu.only()
    until(start(made, OTHER), lambda: isinstance(done(made)[-1], steps.Drain))
    assert len(made.gpu.paid()) == 2
    up(made, replace(OTHER, phase=Phase.ASLEEP))
    assert made.gpu.only() is not first
    assert first.halted, "it was stopped, after its reports, before it was destroyed"


def test_a_clone_from_the_console_that_is_destroyed_there_leaves_nothing_on_watch() -> None:
    made = world()
    up(made)
    original = made.gpu.only()
    clone = made.gpu.create(replace(original.order, offer_id="2"))
    state = made.store.state
    made.store.save(state.put_record(InstanceRecord(original.order.mark.token, clone, "1002", made.clock.now())))
    made.gpu.destroy(clone)
    up(made)
    is_up(made)
    assert made.store.state.intents == ()
