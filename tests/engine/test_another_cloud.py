"""The whole engine on a cloud that is deliberately different: ids are no numbers, no bids, no disk after a stop."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ert_deploy.core.model.desired import Desired, Market, Phase
from ert_deploy.core.model.errors import UsageError
from ert_deploy.core.model.events import Destroyed, Retired, Stopped, Woken, Wrote
from tests.support.fakes.another_cloud import AnotherCloud
from tests.support.fakes.history import OTHER, WANTED, down, is_up, start, told, up
from tests.support.fakes.loopback import FakeWorld, world

CLOUD = AnotherCloud(world().clock).cloud
UP = replace(WANTED, cloud=CLOUD)
SLEEP = replace(UP, phase=Phase.ASLEEP)
WAKE = replace(UP, begin=False)


def running() -> FakeWorld:
    made = world(cloud=AnotherCloud)
    up(made, UP)
    is_up(made, UP)
    return made


def test_up_sleep_wake_down() -> None:
    made = running()
    first, env = made.gpu.only().id, dict(made.web.services["dash"].env)
    assert first.startswith("i-")
    up(made, SLEEP)
    assert made.gpu.paid() == (), "a stop keeps no disk here, so nothing is kept"
    assert made.store.state.empty()
    assert made.web.services["dash"].env == env, "what the apps hold stays as it is"
    assert [e.instance_id for e in told(made, Stopped)] == [first], "its reports were finished first"
    assert [e.instance_id for e in told(made, Destroyed)] == [first]
    up(made, SLEEP)
    assert made.gpu.paid() == ()
    up(made, WAKE)
    is_up(made, UP)
    assert made.gpu.only().id != first
    assert told(made, Woken) == [], "nothing was started: another one was rented"
    down(made, UP)
    assert made.gpu.paid() == ()
    assert made.store.state.empty()


def test_one_that_still_boots_when_it_is_to_sleep_is_destroyed() -> None:
    made = world(cloud=AnotherCloud)
    process = start(made, UP)
    while not made.store.state.records:
        assert process.step()
    up(made, SLEEP)
    assert made.gpu.paid() == ()
    assert [e.reason for e in told(made, Retired)] == ["a stop does not keep its disk here"]


def test_one_that_stopped_itself_is_replaced_and_never_started() -> None:
    made = running()
    first = made.gpu.only()
    first.halted = True
    up(made, UP)
    is_up(made, UP)
    assert made.gpu.only().id != first.id
    assert first.destroyed is not None
    assert told(made, Woken) == []


def test_the_older_of_two_serves_until_the_younger_does_although_its_id_is_the_larger() -> None:
    made = running()
    first = made.gpu.only().id
    before = len(told(made, Wrote))
    up(made, replace(OTHER, cloud=CLOUD))
    is_up(made, replace(OTHER, cloud=CLOUD))
    assert made.gpu.only().id < first
    assert len(told(made, Wrote)) > before
    assert [e.instance_id for e in told(made, Destroyed)] == [first]


def test_no_bid_is_made_where_none_is_taken() -> None:
    made = world(cloud=AnotherCloud)
    bid = replace(UP, launch=replace(UP.launch, market=Market.INTERRUPTIBLE, bid=0.30))
    with pytest.raises(UsageError, match="no offer matches") as refused:
        up(made, bid)
    assert "launch/market" in refused.value.detail
    assert made.gpu.instances == {}


@pytest.mark.parametrize("wanted", [UP, SLEEP], ids=["up", "sleep"])
def test_a_run_that_dies_anywhere_is_finished_by_the_next_one(wanted: Desired) -> None:
    for after in range(1, 1000, 3):
        made = world(cloud=AnotherCloud) if wanted is UP else running()
        if not start(made, wanted).die(after):
            break
        made.clock.go_on(300.0)
        up(made, wanted)
        assert len(made.gpu.paid()) == (wanted is UP)
    else:
        raise AssertionError("it never ended")
