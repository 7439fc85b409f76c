"""Clocks: a deadline uses the local clock, expiry of intents uses the provider's clock, and no other clock is used."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ert_deploy.core.model.desired import Phase
from ert_deploy.core.model.errors import OutcomeUnknown
from ert_deploy.core.model.moment import Moment
from ert_deploy.engine.effects import Method
from ert_deploy.ports import AppProbe, BackendProbe, GpuHost, StateStore, WebHost
from tests.support.fakes.history import WANTED, down, is_down, is_up, start, until, up
from tests.support.fakes.loopback import FakeWorld, world

SETTLE = WANTED.timings.settle
SKEWS = (240.0, 3600.0, -3600.0, 1e6)


def lost(made: FakeWorld, seconds: float = 110.0) -> None:
    """Send a create call that is executed `seconds` later, and terminate the run that sent it."""
    made.gpu.faults.queued["create"] = [OutcomeUnknown("timeout", f"late {seconds:g}")]
    until(start(made), lambda: made.gpu.late)


@pytest.mark.parametrize("dates", [True, False])
@pytest.mark.parametrize("skew", SKEWS)
def test_down_of_an_operator_with_another_clock_waits_for_what_may_come(skew: float, dates: bool) -> None:
    made = world()
    made.gpu.dates = dates
    lost(made)
    made.clock.set_by = skew
    down(made)
    made.clock.go_on(SETTLE)
    is_down(made)


@pytest.mark.parametrize("skew", SKEWS)
def test_no_third_create_goes_out_from_an_operator_whose_clock_is_ahead(skew: float) -> None:
    made = world()
    made.gpu.faults.queued["create"] = [OutcomeUnknown("timeout", "late 110"), OutcomeUnknown("timeout", "late 115")]
    until(start(made), lambda: len(made.gpu.late) >= 2)
    made.clock.set_by = skew
    up(made)
    is_up(made)
    assert made.gpu.most_paid <= 2


@pytest.mark.parametrize("step", [3600.0, -3600.0])
@pytest.mark.parametrize("when", [StateStore.save, GpuHost.create, BackendProbe.probe, WebHost.put_env, WebHost.deploy])
def test_a_clock_that_is_set_within_a_run_has_no_say(step: float, when: Method) -> None:
    made = world()
    run = start(made)
    while run.last is not when:
        run.step()
    made.clock.set_by = step if when is not StateStore.save else min(step, 0.0)
    before = made.clock.time
    run.finish()
    is_up(made)
    assert len(made.gpu.instances) == 1
    assert made.clock.time - before < SETTLE
    down(made)
    is_down(made)


@pytest.mark.parametrize("looks", [1, 2, 4])
@pytest.mark.parametrize("when", [GpuHost.list_instances, StateStore.load, BackendProbe.probe])
def test_a_machine_that_boots_while_this_one_is_suspended_is_kept(when: Method, looks: int) -> None:
    made = world()
    run = start(made)
    while not made.gpu.instances or looks > 0:
        run.step()
        looks -= bool(made.gpu.instances) and run.last is when
    made.clock.go_on(2 * WANTED.timings.boot_limit)
    run.finish()
    is_up(made)
    assert len(made.gpu.instances) == 1, "it was healthy when this one woke up"


@pytest.mark.parametrize(
    ("before", "when"),
    [
        (BackendProbe.accepts, WebHost.newest_deploy),
        (WebHost.put_env, WebHost.get_deploy),
        (WebHost.get_deploy, AppProbe.fingerprint),
    ],
)
def test_a_deploy_that_ends_while_this_one_is_suspended_is_live(before: Method, when: Method) -> None:
    made = world()
    run = start(made)
    while run.last is not before:
        run.step()
    if when is WebHost.newest_deploy:
        made.web.start_deploy(made.web.services["dash"])  # of somebody else
    made.web.flicker = ["old", "old"]
    for _ in range(2):
        run.step()
        while run.last is not when:
            run.step()
    made.clock.go_on(WANTED.timings.deploy_limit)
    run.finish()
    is_up(made)


def test_a_create_waits_for_its_turn_before_its_intent_is_written_and_judged() -> None:
    made = world()
    made.gpu.paces = 3600.0
    up(made)
    is_up(made)
    assert made.gpu.most_paid == 1


def test_an_intent_has_the_providers_time_and_where_there_is_none_a_name() -> None:
    for dates in (True, False):
        made = world()
        made.gpu.dates, made.clock.set_by = dates, 50.0
        lost(made)
        (intent,) = made.store.state.intents
        now = made.clock.time
        assert intent.at == pytest.approx(now if dates else -(now + 50), abs=5)


def test_where_no_reply_has_a_date_each_run_waits_by_its_own_steady_clock() -> None:
    for dates in (True, False):
        made = world()
        made.gpu.dates = dates
        lost(made)
        made.gpu.late.clear()
        made.clock.go_on(10 * SETTLE)
        before = made.clock.time
        down(made)
        is_down(made)
        assert (made.clock.time - before < SETTLE) is dates


def test_a_start_by_another_operator_is_outwaited_whatever_his_clock_said() -> None:
    for skew in SKEWS:
        made = world()
        up(made)
        up(made, replace(WANTED, phase=Phase.ASLEEP))
        made.clock.set_by = skew
        run = start(made, replace(WANTED, begin=False))
        while not made.store.state.records[0].woken:
            run.step()
        made.clock.set_by = 0.0
        before = made.clock.time
        up(made, replace(WANTED, phase=Phase.ASLEEP))
        assert made.clock.time - before >= SETTLE - 10


def test_the_longest_of_the_clocks_says_how_long_ago_something_was() -> None:
    written = Moment(1000.0, 50.0)
    assert Moment(1010.0, 3650.0).since(written) == 3600.0, "it slept, and its clock was set back"
    assert Moment(4600.0, 51.0).since(written) == 3600.0, "its clock was set"
    assert (written.stamp(), Moment(1000.0, 50.0, 7.0).stamp()) == (-1000.0, 7.0)
