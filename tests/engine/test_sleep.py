"""`sleep`: the GPU is released and the disk is kept, even if a pending start is executed later."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ert_deploy.core.model import steps
from ert_deploy.core.model.desired import Desired, Market
from ert_deploy.core.model.errors import CannotObserve, ErtError, NeedsAttention, Transient
from ert_deploy.core.model.events import Stopped, Trouble, Waiting, Wrote
from tests.support.fakes import behaviours
from tests.support.fakes.history import WANTED, done, down, is_up, start, told, up
from tests.support.fakes.loopback import blind, world
from tests.support.fakes.sleep import SLEEP, WAKE, asleep, awake, is_asleep
from tests.support.vast.says import says


def test_sleep_stops_the_gpu_and_keeps_disk_record_and_configuration() -> None:
    made = awake()
    before = dict(made.web.services["dash"].env)
    up(made, SLEEP)
    is_asleep(made)
    assert made.web.services["dash"].env == before
    assert told(made, Wrote) == []
    assert [e.instance_id for e in told(made, Stopped)] == [made.gpu.only().id]


def test_sleeping_twice_does_nothing_the_second_time() -> None:
    made = asleep()
    up(made, SLEEP)
    assert done(made) == []


def test_sleep_where_nothing_is_does_nothing() -> None:
    made = world()
    up(made, SLEEP)
    assert (made.gpu.paid(), done(made)) == ((), [])


def test_sleep_waits_for_the_reports_that_are_being_written() -> None:
    made = awake()
    made.backend.reports = 4
    up(made, SLEEP)
    is_asleep(made)
    assert [e.what.split(" to be")[0] for e in told(made, Waiting)][:3] == ["3 reports", "2 reports", "1 report"]


def test_sleep_waits_no_longer_than_it_was_told_to() -> None:
    made = awake()
    made.backend.reports = 10**6
    before = made.clock.now()
    up(made, SLEEP)
    is_asleep(made)
    assert 600 <= made.clock.now() - before < 700
    made = awake()
    made.backend.reports = 10**6
    up(made, replace(SLEEP, timings=replace(SLEEP.timings, finish=0.0)))
    is_asleep(made)
    assert made.backend.reports == 10**6, "nobody was asked"
    made = awake()
    made.backend.reports = 10**6
    up(made, replace(SLEEP, timings=replace(SLEEP.timings, finish=0.5)))
    is_asleep(made)
    assert len(told(made, Waiting)) == 1


def test_a_backend_that_does_not_say_whether_it_is_busy_is_stopped() -> None:
    made = awake()
    made.backend.faults.queued["busy"] = [Transient("no answer")]
    up(made, SLEEP)
    is_asleep(made)


def test_one_we_cannot_reach_is_stopped_without_asking() -> None:
    made = awake()
    behaviours.unreachable(made.gpu.only())
    made.backend.reports = 10**6
    up(made, SLEEP)
    is_asleep(made)
    assert len(made.gpu.paid()) == 1


def test_one_that_nobody_holds_a_key_for_is_stopped_without_asking() -> None:
    made = awake()
    made.web.services["dash"].env.pop(WANTED.targets[0].names.key)
    made.backend.reports = 10**6
    up(made, SLEEP)
    is_asleep(made)


def test_reports_are_asked_for_with_the_key_beside_its_address_where_the_state_was_read_too_early() -> None:
    """Another run gave the backend this key after our slow read of the state, and before that of the environment."""
    made = awake()
    (record,) = made.store.state.records
    made.store.save(made.store.state.put_record(replace(record, keys=("ab" * 32,))))
    made.backend.reports = 2
    up(made, SLEEP)
    is_asleep(made)
    assert made.backend.reports == 0


def test_sleep_soon_after_a_wake_stops_the_gpu_at_once_and_outwaits_a_start_that_may_still_come() -> None:
    made = asleep()
    up(made, WAKE)
    before = made.clock.now()
    run = start(made, SLEEP)
    while made.gpu.running():
        run.step()
    assert made.clock.now() - before < 10
    assert made.store.state.records[0].woken
    made.clock.go_on(100.0)
    made.gpu.only().halted = False  # the first of two starts had no response, and is executed now
    run.finish()
    is_asleep(made)
    assert not made.store.state.records[0].woken
    assert made.clock.now() - before >= SLEEP.timings.settle - 60


def test_a_long_wait_for_a_start_is_no_lack_of_patience() -> None:
    made = asleep()
    made.store.lose()
    up(made, replace(SLEEP, timings=replace(SLEEP.timings, poll=5.0)))
    is_asleep(made)


@pytest.mark.parametrize("skew", [-100.0, 100.0])
def test_sleep_outwaits_a_start_that_another_clock_has_written_down(skew: float) -> None:
    made = asleep()
    state = made.store.state
    (record,) = state.records
    made.store.save(state.put_record(replace(record, woken=made.clock.now() + skew)))
    before = made.clock.now()
    up(made, SLEEP)
    is_asleep(made)
    assert made.clock.now() - before >= SLEEP.timings.settle - 100 - 10


def test_an_outbid_machine_is_stopped_so_that_it_does_not_run_again_by_itself() -> None:
    made = asleep()
    bid = replace(SLEEP, launch=replace(SLEEP.launch, market=Market.INTERRUPTIBLE, bid=0.2))
    up(made, bid)
    is_asleep(made)
    assert [e.instance_id for e in told(made, Stopped)] == [made.gpu.only().id]


def test_sleep_outwaits_a_start_that_may_still_come() -> None:
    made = asleep()
    run = start(made, WAKE)
    while not made.store.state.records[0].woken:
        run.step()
    before = made.clock.now()
    up(made, SLEEP)
    is_asleep(made)
    assert made.clock.now() - before >= SLEEP.timings.settle - 10


def test_sleep_calls_off_a_start_that_may_be_queued_for_one_whose_record_was_lost() -> None:
    made = asleep()
    made.store.lose()
    before, number = made.clock.now(), made.gpu.only().id
    up(made, SLEEP)
    is_asleep(made)
    assert [e.instance_id for e in told(made, Stopped)] == [number]
    assert made.clock.now() - before >= SLEEP.timings.settle - 10, "one without an answer may still take effect"
    made.listener.events.clear()
    up(made, SLEEP)
    assert done(made) == []


def test_sleep_does_not_need_render() -> None:
    made = awake()
    made.web.faults.queued["read_env"] = blind(50)
    up(made, SLEEP)
    is_asleep(made)


@pytest.mark.parametrize("error", [Transient("429"), Transient("cut off", "after"), CannotObserve("no answer")])
def test_a_stop_that_fails_is_asked_for_again(error: ErtError) -> None:
    made = awake()
    made.gpu.faults.queued["stop"] = [error]
    up(made, SLEEP)
    is_asleep(made)
    assert told(made, Trouble)


def test_one_that_does_not_stop_is_said_to_bill() -> None:
    made = awake()
    made.gpu.only().override = lambda i: replace(i, **says("exited", "stopped", "running"))
    with pytest.raises(NeedsAttention, match="its GPU may bill"):
        up(made, SLEEP)


def test_one_whose_stop_is_never_accepted_is_said_to_bill() -> None:
    made = awake()
    made.gpu.faults.queued["stop"] = [Transient("429")] * 99
    with pytest.raises(NeedsAttention, match="its GPU may bill"):
        up(made, SLEEP)


def test_sleep_during_a_first_boot_leaves_nothing() -> None:
    made = world()
    run = start(made)
    while not made.gpu.paid():
        run.step()
    up(made, SLEEP)
    assert made.gpu.paid() == ()


def test_down_removes_the_disk_without_waiting_for_requests() -> None:
    made = asleep()
    down(made)
    assert made.gpu.paid() == ()
    assert made.store.state.empty()
    assert not [s for s in done(made) if isinstance(s, steps.Drain)]


@pytest.mark.parametrize("end", [SLEEP, WAKE])
def test_a_sleep_that_dies_anywhere_is_finished_by_the_next_one(end: Desired) -> None:
    for after in range(1, 400):
        made = awake()
        if not start(made, SLEEP).die(after):
            break
        up(made, end)
        (is_asleep if end is SLEEP else is_up)(made)
    assert after > 5
