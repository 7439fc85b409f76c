"""`wake`: a stopped instance is started or replaced, and concurrent runs do not cause double cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from ert_deploy.core.model import steps
from ert_deploy.core.model.desired import Desired
from ert_deploy.core.model.errors import CannotObserve, ErtError, Failed, StartRefused, Transient, UsageError
from ert_deploy.core.model.events import Stranded, Woken, Wrote
from ert_deploy.core.model.observed import Health, Vital
from ert_deploy.engine.apply import Result
from ert_deploy.ports import AppProbe
from tests.support.fakes import behaviours
from tests.support.fakes.history import (
    OTHER,
    WANTED,
    Process,
    done,
    down,
    is_up,
    kill_points,
    save_late,
    start,
    told,
    up,
)
from tests.support.fakes.loopback import FakeInstance, FakeWorld, certificate, world
from tests.support.fakes.sleep import SLEEP, WAKE, asleep, awake, is_asleep
from tests.support.nightly import nightly
from tests.support.vast.says import says


@pytest.mark.parametrize("desired", [WAKE, WANTED])
def test_wake_and_up_start_it_again_and_publish_nothing_that_is_the_same(desired: Desired) -> None:
    made = asleep()
    only, deploys = made.gpu.only(), len(made.web.services["dash"].deploys)
    up(made, desired)
    is_up(made)
    assert (made.gpu.only(), only.starts) == (only, 1)
    assert told(made, Wrote) == []
    assert len(made.web.services["dash"].deploys) == deploys


def test_what_its_own_guard_stopped_is_woken_too() -> None:
    made = awake()
    made.gpu.only().halted = True
    up(made, WAKE)
    is_up(made)
    assert made.gpu.most_paid == 1


def test_another_address_after_a_wake_is_published() -> None:
    made = asleep()
    only = made.gpu.only()
    only.moves = 1000
    up(made, WAKE)
    assert made.gpu.only() is only
    env = made.web.services["dash"].env
    assert env[WANTED.targets[0].names.url].reveal() == f"https://203.0.113.7:{only.port}"
    assert [w.written for w in told(made, Wrote)] == [("ERT_LLM_BACKEND_URL", "ERT_LLM_CONFIG_FINGERPRINT")]


def test_another_certificate_after_a_wake_is_proven_pinned_and_published() -> None:
    made = asleep()
    made.backend.certificate = lambda instance: certificate(instance.order.mark.token + "again")
    up(made, WAKE)
    assert [type(s) for s in done(made) if isinstance(s, steps.Pin | steps.Publish)] == [steps.Pin, steps.Publish]


def test_wake_begins_nothing() -> None:
    made = world()
    with pytest.raises(UsageError, match="nothing to wake"):
        up(made, WAKE)
    up(made)
    down(made)
    with pytest.raises(UsageError, match="nothing to wake"):
        up(made, WAKE)
    assert made.gpu.paid() == ()


def test_wake_replaces_what_has_vanished_while_it_slept() -> None:
    made = asleep()
    made.gpu.only().destroyed = made.clock.now()
    up(made, WAKE)
    is_up(made)


@pytest.mark.parametrize("lose", [False, True])
def test_when_the_gpu_was_taken_another_one_is_rented_and_the_old_disk_goes_after_the_move(lose: bool) -> None:
    made = asleep()
    old = made.gpu.only()
    old.taken = True
    if lose:
        made.store.lose()
    up(made, WAKE)
    is_up(made)
    assert made.gpu.only() is not old
    assert made.gpu.most_paid == 2
    order = [type(s) for s in done(made) if isinstance(s, steps.Wake | steps.Rent | steps.Publish | steps.Destroy)]
    if not lose:  # without a state, the published address of the stopped instance is unknown
        assert order == [steps.Wake, steps.Rent, steps.Publish, steps.Destroy]
    assert [e.instance_id for e in told(made, Stranded)] == [old.id]


def test_a_refused_start_is_cancelled_even_if_that_takes_two_calls() -> None:
    made = asleep()
    made.gpu.only().taken = True
    made.gpu.faults.queued["stop"] = [Transient("429")]
    up(made, WAKE)
    is_up(made)


def gets_nowhere(made: FakeInstance) -> None:
    """Let the instance accept a start and remain in scheduling."""
    made.override = lambda i: i if i.halted else replace(i, **says("exited"), address=None)


def never_shows(made: FakeInstance) -> None:
    """Let the instance accept a start without executing it."""
    made.override = lambda i: replace(i, **says("exited", "stopped", "stopped"), address=None)


@pytest.mark.parametrize("how", [gets_nowhere, never_shows])
def test_a_start_without_effect_is_given_up_and_another_one_rented(how: Callable[[FakeInstance], None]) -> None:
    made = asleep()
    old = made.gpu.only()
    how(old)
    up(made, WAKE)
    is_up(made)
    assert made.gpu.only() is not old
    assert made.gpu.most_paid == 2


def test_a_host_that_breaks_on_waking_is_replaced_and_denied() -> None:
    made = asleep()
    behaviours.sick(made.gpu.only())
    up(made, WAKE)
    is_up(made)
    assert [d.machine_id for d in made.store.state.denied] == ["1001"]


@pytest.mark.parametrize("error", [Transient("cut off"), Transient("cut off", "after"), CannotObserve("no answer")])
def test_a_start_without_an_answer_is_looked_at_and_asked_for_again(error: ErtError) -> None:
    made = asleep()
    made.gpu.faults.queued["start"] = [error]
    up(made, WAKE)
    is_up(made)
    assert made.gpu.only().starts == 1
    assert made.gpu.most_paid == 1


def test_starts_that_keep_failing_end_in_another_machine() -> None:
    made = asleep()
    old = made.gpu.only()
    made.gpu.faults.queued["start"] = [Transient("cut off")] * 9
    up(made, WAKE)
    is_up(made)
    assert made.gpu.only() is not old


def test_a_config_that_changed_while_it_slept_gets_its_own_machine() -> None:
    made = asleep()
    old = made.gpu.only()
    up(made, OTHER)
    is_up(made, OTHER)
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
    """Step the runs in turn, one effect each, until all are done."""
    while [run for run in runs if not run.ended]:
        for run in runs:
            if not run.ended:
                run.step()


def test_a_wake_and_a_sleep_at_once_end_in_one_or_the_other() -> None:
    made = awake()
    together([start(made, SLEEP), start(made, WAKE)])
    assert len(made.gpu.paid()) == 1
    up(made, SLEEP)
    is_asleep(made)


@pytest.mark.process
@pytest.mark.parametrize("taken", [False, True])
@pytest.mark.parametrize("rest", [0.0, 400.0])
@pytest.mark.parametrize("every", [False, *nightly(True)])
def test_a_wake_that_dies_anywhere_is_finished_by_the_next_one(taken: bool, rest: float, every: bool) -> None:
    def made() -> FakeWorld:
        sleeping = asleep()
        sleeping.gpu.only().taken = taken
        return sleeping

    points = kill_points(start(made(), WAKE), every=every)
    assert points[-1] > 20
    for after in points:
        dead = made()
        assert start(dead, WAKE).die(after)
        dead.clock.sleep(rest)
        up(dead, WAKE)
        is_up(dead)


def test_a_refused_start_is_not_tried_on_the_same_disk_again() -> None:
    made = asleep()
    made.gpu.faults.queued["start"] = [StartRefused("taken")]
    run = start(made, WAKE)
    while not told(made, Stranded):
        run.step()
    up(made, WAKE)
    is_up(made)
    assert made.gpu.most_paid == 2


def test_a_start_that_was_given_up_and_came_all_the_same_is_not_given_up_for_one_look_that_fails() -> None:
    made = awake()
    state = made.store.state
    (record,) = state.records
    made.store.save(state.put_record(replace(record, woken=made.clock.now() - 400, stranded=made.clock.now() - 399)))
    up(made, WAKE)
    (record,) = made.store.state.records
    assert record.stranded == 0
    serving = made.gpu.only()
    healthy, serving.health = serving.health, Health(Vital.UNREACHABLE, "no route")
    run = start(made, WAKE)
    while run.last is not AppProbe.fingerprint:
        run.step()
    serving.health = healthy
    run.finish()
    is_up(made)
    assert made.gpu.most_paid == 1


@pytest.mark.parametrize(("slept", "set_by"), [(61.0, 0.0), (61.0, -3600.0), (0.0, 3600.0)])
def test_a_start_that_was_written_down_long_ago_is_not_asked_for(slept: float, set_by: float) -> None:
    made = asleep()
    run = start(made, WAKE)
    save_late(run, slept, set_by)
    with pytest.raises(Failed, match="writing the state took"):
        run.finish()
    assert made.gpu.running() == ()
    up(made, WAKE)
    is_up(made)
