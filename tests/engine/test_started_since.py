"""What happened while a run read slowly: a machine started since its list, a report since its question, a bid."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ert_deploy.core.model.desired import Market
from ert_deploy.core.model.errors import CannotObserve, ErtError, StartRefused, Transient
from ert_deploy.core.model.events import Retired, Stranded, Waiting
from ert_deploy.ports import BackendProbe, GpuHost, StateStore
from tests.support.fakes.history import WANTED, start, told, up
from tests.support.fakes.loopback import FakeWorld
from tests.support.fakes.sleep import SLEEP, WAKE, asleep, awake, is_asleep

BID = replace(SLEEP, launch=replace(SLEEP.launch, market=Market.INTERRUPTIBLE, bid=0.2))


def given_up() -> FakeWorld:
    """Return an environment with a stopped instance whose start was refused, by a run that then was killed."""
    made = asleep()
    made.gpu.faults.queued["start"] = [StartRefused("taken")]
    run = start(made, WAKE)
    while not told(made, Stranded):
        run.step()
    return made


def reads_until_given_up(made: FakeWorld) -> int:
    """Return how often a `sleep` reads the state until it gives the instance up."""
    run, reads = start(made, SLEEP), 0
    while not told(made, Retired):
        run.step()
        reads += run.last is StateStore.load
    return reads


def test_one_that_was_started_since_the_list_is_not_given_up() -> None:
    reads = reads_until_given_up(given_up())
    made = given_up()
    run = start(made, SLEEP)
    while reads:
        run.step()
        reads -= run.last is StateStore.load
    started, made.gpu.only().halted = made.gpu.only(), False
    started.made = made.clock.real() - 100  # in the console, and its boot is over
    run.finish()
    is_asleep(made)
    assert told(made, Retired) == []
    assert made.gpu.only() is started


@pytest.mark.parametrize("fault", [[], [CannotObserve("no answer")]])
def test_one_that_is_still_stopped_is_given_up_once_it_was_read_again(fault: list[ErtError | None]) -> None:
    made = given_up()
    made.gpu.faults.queued["get"] = fault
    up(made, SLEEP)
    assert (made.gpu.paid(), len(told(made, Retired))) == ((), 1)


def test_one_that_was_never_in_use_is_given_up_without_another_read() -> None:
    made = given_up()
    state = made.store.state
    made.store.save(state.put_record(replace(state.records[0], published=False)))
    for service in made.web.services.values():
        del service.env[WANTED.targets[0].names.url]
    run = start(made, SLEEP)
    while not told(made, Retired):
        run.step()
        assert run.last is not GpuHost.get_instance


def test_a_report_that_began_while_stops_failed_is_waited_for() -> None:
    made = awake()
    short = replace(SLEEP, timings=replace(SLEEP.timings, finish=20.0))
    made.gpu.faults.queued["stop"] = [Transient("no answer")] * 6
    run = start(made, short)
    while made.gpu.faults.queued["stop"]:
        run.step()
    made.clock.go_on(60.0)
    made.backend.reports = 2
    run.finish()
    is_asleep(made)
    assert made.backend.reports == 0
    assert told(made, Waiting)


def test_a_stop_that_acts_late_is_outwaited_where_a_higher_bid_may_stop_it_before() -> None:
    """Outbid at the moment of the stop, and back before the stop takes effect: it must not bill after the command."""
    made = awake()
    run = start(made, BID)
    while run.last is not BackendProbe.busy:
        run.step()
    accepted = made.clock.now()

    def act() -> None:
        since = made.clock.now() - accepted
        made.gpu.only().halted = since < 22 or since >= 66

    made.clock.hooks.append(act)
    run.finish()
    is_asleep(made)
    assert made.clock.now() - accepted >= 66
