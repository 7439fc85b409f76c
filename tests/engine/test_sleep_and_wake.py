"""`sleep` and `wake`: the GPU goes back to the market, the disk stays, and no wake is paid for twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from ert_deploy.core.model import steps
from ert_deploy.core.model.desired import Desired, Market, Phase
from ert_deploy.core.model.errors import (
    CannotObserve,
    ErtError,
    Failed,
    NeedsAttention,
    StartRefused,
    Transient,
    UsageError,
)
from ert_deploy.core.model.events import Stopped, Stranded, Trouble, Waiting, Woken, Wrote
from ert_deploy.core.model.observed import Health, Vital
from ert_deploy.engine import effects as e
from ert_deploy.engine.apply import Result
from tests.support.fakes import behaviours
from tests.support.fakes.history import WANTED, Process, done, down, is_up, start, told, up
from tests.support.fakes.loopback import FakeInstance, FakeWorld, blind, certificate, world

WAKE = replace(WANTED, begin=False)
SLEEP = replace(WANTED, phase=Phase.ASLEEP)
CHANGED = replace(WANTED, launch=replace(WANTED.launch, context=8192))


def served() -> FakeWorld:
    made = world()
    up(made)
    made.listener.events.clear()
    return made


def asleep() -> FakeWorld:
    made = served()
    go(made, SLEEP)
    is_asleep(made)
    made.listener.events.clear()
    return made


def go(made: FakeWorld, desired: Desired) -> None:
    start(made, desired).finish()


def is_asleep(made: FakeWorld) -> None:
    """One disk, no GPU, in the state, and every app holds what it held."""
    assert made.gpu.running() == ()
    assert [r.id for r in made.store.state.records] == list(made.gpu.paid())
    assert len(made.gpu.paid()) <= 1


# Sleeping


def test_sleep_stops_the_gpu_and_keeps_disk_record_and_configuration() -> None:
    made = served()
    before = dict(made.web.services["dash"].env)
    go(made, SLEEP)
    is_asleep(made)
    assert made.web.services["dash"].env == before
    assert told(made, Wrote) == []
    assert [e.instance_id for e in told(made, Stopped)] == [made.gpu.only().id]


def test_sleeping_twice_does_nothing_the_second_time() -> None:
    made = asleep()
    go(made, SLEEP)
    assert done(made) == []


def test_sleep_where_nothing_is_does_nothing() -> None:
    made = world()
    go(made, SLEEP)
    assert (made.gpu.paid(), done(made)) == ((), [])


def test_sleep_waits_for_the_reports_that_are_being_written() -> None:
    made = served()
    made.backend.reports = 4
    go(made, SLEEP)
    is_asleep(made)
    assert [e.what.split(" to be")[0] for e in told(made, Waiting)][:3] == ["3 reports", "2 reports", "1 report"]


def test_sleep_waits_no_longer_than_it_was_told_to() -> None:
    made = served()
    made.backend.reports = 10**6
    before = made.clock.now()
    go(made, SLEEP)
    is_asleep(made)
    assert 600 <= made.clock.now() - before < 700
    made = served()
    made.backend.reports = 10**6
    go(made, replace(SLEEP, timings=replace(SLEEP.timings, finish=0.0)))
    is_asleep(made)
    assert made.backend.reports == 10**6, "nobody was asked"


def test_a_backend_that_does_not_say_whether_it_is_busy_is_stopped() -> None:
    made = served()
    made.backend.faults.queued["busy"] = [Transient("no answer")]
    go(made, SLEEP)
    is_asleep(made)


def test_one_we_cannot_reach_is_stopped_without_asking() -> None:
    made = served()
    behaviours.unreachable(made.gpu.only())
    made.backend.reports = 10**6
    go(made, SLEEP)
    is_asleep(made)
    assert len(made.gpu.paid()) == 1


def test_one_that_nobody_holds_a_key_for_is_stopped_without_asking() -> None:
    made = served()
    made.web.services["dash"].env.pop(WANTED.targets[0].names.key)
    made.backend.reports = 10**6
    go(made, SLEEP)
    is_asleep(made)


def test_sleep_soon_after_a_wake_stops_the_gpu_at_once_and_outwaits_a_start_that_may_still_come() -> None:
    made = asleep()
    go(made, WAKE)
    before = made.clock.now()
    run = start(made, SLEEP)
    while made.gpu.running():
        run.step()
    assert made.clock.now() - before < 10
    assert made.store.state.records[0].woken
    made.clock.go_on(100.0)
    made.gpu.only().halted = False  # the first of two starts had no answer, and takes effect now
    run.finish()
    is_asleep(made)
    assert not made.store.state.records[0].woken
    assert made.clock.now() - before >= SLEEP.timings.settle - 60


def test_a_long_wait_for_a_start_is_no_lack_of_patience() -> None:
    made = asleep()
    made.store.lose()
    go(made, replace(SLEEP, timings=replace(SLEEP.timings, poll=5.0)))
    is_asleep(made)


@pytest.mark.parametrize("skew", [-100.0, 100.0])
def test_sleep_outwaits_a_start_that_another_clock_has_written_down(skew: float) -> None:
    made = asleep()
    state = made.store.state
    (record,) = state.records
    made.store.save(state.put_record(replace(record, woken=made.clock.now() + skew)))
    before = made.clock.now()
    go(made, SLEEP)
    is_asleep(made)
    assert made.clock.now() - before >= SLEEP.timings.settle - 100 - 10


def test_an_outbid_machine_is_stopped_so_that_it_does_not_run_again_by_itself() -> None:
    made = asleep()
    bid = replace(SLEEP, launch=replace(SLEEP.launch, market=Market.INTERRUPTIBLE, bid=0.2))
    go(made, bid)
    is_asleep(made)
    assert [e.instance_id for e in told(made, Stopped)] == [made.gpu.only().id]


@pytest.mark.parametrize(("slept", "set_by"), [(61.0, 0.0), (61.0, -3600.0), (0.0, 3600.0)])
def test_a_start_that_was_written_down_long_ago_is_not_asked_for(slept: float, set_by: float) -> None:
    made = asleep()
    run = start(made, WAKE)
    while run.last is not e.Save:
        run.step()
    made.clock.go_on(slept)
    made.clock.set_by = set_by
    with pytest.raises(Failed, match="writing the state took"):
        run.finish()
    assert made.gpu.running() == ()
    go(made, WAKE)
    is_up(made)


def test_sleep_outwaits_a_start_that_may_still_come() -> None:
    made = asleep()
    run = start(made, WAKE)
    while not made.store.state.records[0].woken:
        run.step()
    before = made.clock.now()
    go(made, SLEEP)
    is_asleep(made)
    assert made.clock.now() - before >= SLEEP.timings.settle - 10


def test_sleep_calls_off_a_start_that_may_be_queued_for_one_whose_record_was_lost() -> None:
    made = asleep()
    made.store.lose()
    before, number = made.clock.now(), made.gpu.only().id
    go(made, SLEEP)
    is_asleep(made)
    assert [e.instance_id for e in told(made, Stopped)] == [number]
    assert made.clock.now() - before >= SLEEP.timings.settle - 10, "one without an answer may still take effect"
    made.listener.events.clear()
    go(made, SLEEP)
    assert done(made) == []


def test_sleep_does_not_need_render() -> None:
    made = served()
    made.web.faults.queued["read_env"] = blind(50)
    go(made, SLEEP)
    is_asleep(made)


@pytest.mark.parametrize("error", [Transient("429"), Transient("cut off", "after"), CannotObserve("no answer")])
def test_a_stop_that_fails_is_asked_for_again(error: ErtError) -> None:
    made = served()
    made.gpu.faults.queued["stop"] = [error]
    go(made, SLEEP)
    is_asleep(made)
    assert told(made, Trouble)


def test_one_that_does_not_stop_is_said_to_bill() -> None:
    made = served()
    made.gpu.only().override = lambda i: replace(i, current="running")
    with pytest.raises(NeedsAttention, match="its GPU may bill"):
        go(made, SLEEP)


def test_one_whose_stop_is_never_accepted_is_said_to_bill() -> None:
    made = served()
    made.gpu.faults.queued["stop"] = [Transient("429")] * 99
    with pytest.raises(NeedsAttention, match="its GPU may bill"):
        go(made, SLEEP)


def test_sleep_during_a_first_boot_leaves_nothing() -> None:
    made = world()
    run = start(made)
    while not made.gpu.paid():
        run.step()
    go(made, SLEEP)
    assert made.gpu.paid() == ()


def test_down_removes_the_disk_without_waiting_for_requests() -> None:
    made = asleep()
    down(made)
    assert made.gpu.paid() == ()
    assert made.store.state.empty()
    assert not [s for s in done(made) if isinstance(s, steps.Drain)]


# Waking


@pytest.mark.parametrize("desired", [WAKE, WANTED])
def test_wake_and_up_start_it_again_and_publish_nothing_that_is_the_same(desired: Desired) -> None:
    made = asleep()
    only, deploys = made.gpu.only(), len(made.web.services["dash"].deploys)
    go(made, desired)
    is_up(made)
    assert (made.gpu.only(), only.starts) == (only, 1)
    assert told(made, Wrote) == []
    assert len(made.web.services["dash"].deploys) == deploys


def test_what_its_own_guard_stopped_is_woken_too() -> None:
    made = served()
    made.gpu.only().halted = True
    go(made, WAKE)
    is_up(made)
    assert made.gpu.most_paid == 1


def test_another_address_after_a_wake_is_published() -> None:
    made = asleep()
    only = made.gpu.only()
    only.moves = 1000
    go(made, WAKE)
    assert made.gpu.only() is only
    env = made.web.services["dash"].env
    assert env[WANTED.targets[0].names.url].reveal() == f"https://203.0.113.7:{only.port}"
    assert [w.written for w in told(made, Wrote)] == [("ERT_LLM_BACKEND_URL", "ERT_LLM_CONFIG_FINGERPRINT")]


def test_another_certificate_after_a_wake_is_proven_pinned_and_published() -> None:
    made = asleep()
    made.backend.certificate = lambda instance: certificate(instance.order.mark.token + "again")
    go(made, WAKE)
    assert [type(s) for s in done(made) if isinstance(s, steps.Pin | steps.Publish)] == [steps.Pin, steps.Publish]


def test_wake_begins_nothing() -> None:
    made = world()
    with pytest.raises(UsageError, match="nothing to wake"):
        go(made, WAKE)
    up(made)
    down(made)
    with pytest.raises(UsageError, match="nothing to wake"):
        go(made, WAKE)
    assert made.gpu.paid() == ()


def test_wake_replaces_what_has_vanished_while_it_slept() -> None:
    made = asleep()
    made.gpu.only().destroyed = made.clock.now()
    go(made, WAKE)
    is_up(made)


@pytest.mark.parametrize("lose", [False, True])
def test_when_the_gpu_was_taken_another_one_is_rented_and_the_old_disk_goes_after_the_move(lose: bool) -> None:
    made = asleep()
    old = made.gpu.only()
    old.taken = True
    if lose:
        made.store.lose()
    go(made, WAKE)
    is_up(made)
    assert made.gpu.only() is not old
    assert made.gpu.most_paid == 2
    order = [type(s) for s in done(made) if isinstance(s, steps.Wake | steps.Rent | steps.Publish | steps.Destroy)]
    if not lose:  # without a state nobody knows that an app was told about a disk that has no address
        assert order == [steps.Wake, steps.Rent, steps.Publish, steps.Destroy]
    assert [e.instance_id for e in told(made, Stranded)] == [old.id]


def test_a_refused_start_is_cancelled_even_if_that_takes_two_calls() -> None:
    made = asleep()
    made.gpu.only().taken = True
    made.gpu.faults.queued["stop"] = [Transient("429")]
    go(made, WAKE)
    is_up(made)


def gets_nowhere(made: FakeInstance) -> None:
    """It accepts a start and never gets beyond scheduling."""
    made.override = lambda i: i if i.halted else replace(i, status="exited", address=None)


def never_shows(made: FakeInstance) -> None:
    """It accepts a start that has no effect at all."""
    made.override = lambda i: replace(i, status="exited", intended="stopped", current="stopped", address=None)


@pytest.mark.parametrize("how", [gets_nowhere, never_shows])
def test_a_start_without_effect_is_given_up_and_another_one_rented(how: Callable[[FakeInstance], None]) -> None:
    made = asleep()
    old = made.gpu.only()
    how(old)
    go(made, WAKE)
    is_up(made)
    assert made.gpu.only() is not old
    assert made.gpu.most_paid == 2


def test_a_host_that_breaks_on_waking_is_replaced_and_denied() -> None:
    made = asleep()
    behaviours.sick(made.gpu.only())
    go(made, WAKE)
    is_up(made)
    assert [d.machine_id for d in made.store.state.denied] == [1001]


@pytest.mark.parametrize("error", [Transient("cut off"), Transient("cut off", "after"), CannotObserve("no answer")])
def test_a_start_without_an_answer_is_looked_at_and_asked_for_again(error: ErtError) -> None:
    made = asleep()
    made.gpu.faults.queued["start"] = [error]
    go(made, WAKE)
    is_up(made)
    assert made.gpu.only().starts == 1
    assert made.gpu.most_paid == 1


def test_starts_that_keep_failing_end_in_another_machine() -> None:
    made = asleep()
    old = made.gpu.only()
    made.gpu.faults.queued["start"] = [Transient("cut off")] * 9
    go(made, WAKE)
    is_up(made)
    assert made.gpu.only() is not old


def test_a_config_that_changed_while_it_slept_gets_its_own_machine() -> None:
    made = asleep()
    old = made.gpu.only()
    go(made, CHANGED)
    is_up(made, CHANGED)
    assert made.gpu.only() is not old
    assert not told(made, Woken)


@pytest.mark.parametrize("count", [2, 5])
def test_many_wakes_at_once_are_one_start(count: int) -> None:
    made = asleep()
    runs = [start(made, WAKE) for _ in range(count)]
    together(runs)
    is_up(made)
    assert made.gpu.faults.calls.count("start") == 1
    assert all(run.error is None for run in runs)


def together(runs: list[Process[Result]]) -> None:
    """Run after run, one effect each, until all have ended."""
    while [run for run in runs if not run.ended]:
        for run in runs:
            if not run.ended:
                run.step()


def test_a_wake_and_a_sleep_at_once_end_in_one_or_the_other() -> None:
    made = served()
    together([start(made, SLEEP), start(made, WAKE)])
    assert len(made.gpu.paid()) == 1
    go(made, SLEEP)
    is_asleep(made)


@pytest.mark.process
@pytest.mark.parametrize("taken", [False, True])
@pytest.mark.parametrize("rest", [0.0, 400.0])
def test_a_wake_that_dies_anywhere_is_finished_by_the_next_one(taken: bool, rest: float) -> None:
    for after in range(1, 400):
        made = asleep()
        made.gpu.only().taken = taken
        if not start(made, WAKE).die(after):
            break
        made.clock.sleep(rest)
        go(made, WAKE)
        is_up(made)
    assert after > 20


@pytest.mark.parametrize("end", [SLEEP, WAKE])
def test_a_sleep_that_dies_anywhere_is_finished_by_the_next_one(end: Desired) -> None:
    for after in range(1, 400):
        made = served()
        if not start(made, SLEEP).die(after):
            break
        go(made, end)
        (is_asleep if end is SLEEP else is_up)(made)
    assert after > 5


def test_a_refused_start_is_not_tried_on_the_same_disk_again() -> None:
    made = asleep()
    made.gpu.faults.queued["start"] = [StartRefused("taken")]
    run = start(made, WAKE)
    while not told(made, Stranded):
        run.step()
    go(made, WAKE)
    is_up(made)
    assert made.gpu.most_paid == 2


def test_a_start_that_was_given_up_and_came_all_the_same_is_not_given_up_for_one_look_that_fails() -> None:
    made = served()
    state = made.store.state
    (record,) = state.records
    made.store.save(state.put_record(replace(record, woken=made.clock.now() - 400, stranded=made.clock.now() - 399)))
    go(made, WAKE)
    (record,) = made.store.state.records
    assert record.stranded == 0
    serving = made.gpu.only()
    healthy, serving.health = serving.health, Health(Vital.UNREACHABLE, "no route")
    run = start(made, WAKE)
    while run.last is not e.AppFingerprint:
        run.step()
    serving.health = healthy
    run.finish()
    is_up(made)
    assert made.gpu.most_paid == 1
