"""Slow launches: limits by stage, and a second machine while the first is behind; the first one healthy is kept."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ert_deploy.core.market.cost import estimate
from ert_deploy.core.model import steps
from ert_deploy.core.model.desired import Desired
from ert_deploy.core.model.errors import CannotObserve, CreateRefused, ErtError
from ert_deploy.core.model.events import Destroyed, Rented, Retired, Trouble
from tests.support.fakes import behaviours
from tests.support.fakes.history import WANTED, done, is_up, start, told, until, up
from tests.support.fakes.loopback import FakeInstance, FakeWorld, offer, world

HEDGED = replace(WANTED, launch=replace(WANTED.launch, hedge=2))
ONE = estimate(offer(1), WANTED.launch, WANTED.plan_hours).until_healthy()


def slow(seconds: float) -> behaviours.Conduct:
    def boot(made: FakeInstance) -> None:
        made.boot = seconds

    return boot


def rents(made: FakeWorld) -> list[str]:
    return [step.reason for step in done(made) if isinstance(step, steps.Rent)]


def behind(**conduct: float) -> FakeWorld:
    """Return a market whose cheapest machine boots slowly: it is behind after 9 minutes, and healthy after 33."""
    made = world()
    made.gpu.conduct = {"1001": slow(2000.0)} | {name.lstrip("m"): slow(value) for name, value in conduct.items()}
    return made


def test_a_second_machine_overtakes_the_first_which_is_gone_before_the_run_ends() -> None:
    made = behind()
    begun = made.clock.now()
    up(made, HEDGED)
    is_up(made)
    assert made.clock.now() - begun < 800, "the first one alone needs 2000 s"
    assert made.gpu.only().machine_id == "1002"
    assert made.gpu.most_paid == 2
    assert [r.reason for r in told(made, Retired)] == ["another instance serves"]
    assert len(told(made, Destroyed)) == 1
    assert made.store.state.denied == ()
    assert [reason.split(":")[0] for reason in rents(made)] == ["no backend is there", "instance 500 is behind"]


def test_the_first_one_can_still_win() -> None:
    made = behind(m1001=1200.0, m1002=2500.0)
    up(made, HEDGED)
    is_up(made)
    assert made.gpu.only().machine_id == "1001"
    assert made.gpu.most_paid == 2


@pytest.mark.parametrize("wanted", [WANTED, replace(HEDGED, slots=1), replace(HEDGED, max_cost=1.9 * ONE)])
def test_without_a_hedge_a_second_slot_or_the_money_there_is_one_machine(wanted: Desired) -> None:
    made = behind()
    up(made, wanted)
    is_up(made)
    assert made.gpu.only().machine_id == "1001"
    assert made.gpu.most_paid == 1
    assert len([t for t in told(made, Trouble) if t.what == "no second machine is rented"]) == (
        wanted.max_cost is not None
    )


@pytest.mark.parametrize(
    ("call", "error"),
    [("create", CreateRefused("no money", "before")), ("search", CannotObserve("timeout"))],
)
def test_what_goes_wrong_with_the_second_machine_does_not_end_the_run(call: str, error: ErtError) -> None:
    made = behind()
    run = start(made, HEDGED)
    while not told(made, Rented):
        run.step()
    made.gpu.faults.queued[call] = [error]
    run.finish()
    is_up(made)
    assert made.gpu.only().machine_id == "1001"
    assert [t.what for t in told(made, Trouble)][-1] == "no second machine is rented"


def test_the_second_machine_is_on_another_host_and_at_another_address() -> None:
    made = behind()
    made.gpu.offers = (
        offer(1, host_id="7", ip="198.51.100.1"),
        offer(2, host_id="7", ip="198.51.100.2"),
        offer(3, host_id="8", ip="198.51.100.1"),
        offer(4, host_id="9", ip="198.51.100.4"),
    )
    up(made, HEDGED)
    is_up(made)
    assert made.gpu.only().machine_id == "1004"


def test_a_run_that_finds_two_booting_keeps_both_until_one_is_healthy() -> None:
    made = behind(m1002=700.0)
    until(start(made, HEDGED), lambda: len(told(made, Rented)) == 2)
    assert len(made.gpu.paid()) == 2
    up(made, HEDGED)
    is_up(made)
    assert made.gpu.only().machine_id == "1002"
    assert len(told(made, Rented)) == 2


def test_a_run_without_a_hedge_keeps_one_of_two() -> None:
    made = behind(m1002=700.0)
    until(start(made, HEDGED), lambda: len(told(made, Rented)) == 2)
    up(made)
    is_up(made)
    assert made.gpu.only().machine_id == "1001"


def test_a_slow_host_is_given_up_and_three_of_them_are_not_the_hosts_fault() -> None:
    made = world()
    made.gpu.conduct = dict.fromkeys(map(str, range(1001, 1004)), slow(5000.0)) | {"1004": slow(3000.0)}
    up(made, replace(WANTED, timings=replace(WANTED.timings, boot_limit=4000.0)))
    is_up(made)
    assert made.gpu.only().machine_id == "1004", "it pulls for 1500 s, and is not given up for that"
    reasons = [r.reason for r in told(made, Retired)]
    assert len(reasons) == 3
    assert all(reason.startswith("pulling the image takes") for reason in reasons)
    assert made.store.state.denied == ()
