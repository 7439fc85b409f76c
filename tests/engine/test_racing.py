"""`launch/prefer: time`: two machines from the start, the slower one replaced, and never more than two paid."""

from __future__ import annotations

from dataclasses import replace

from ert_deploy.core.market.cost import estimate
from ert_deploy.core.model import steps
from ert_deploy.core.model.boot.prefer import Prefer
from ert_deploy.core.model.events import Destroyed, Rented, Retired, Trouble
from ert_deploy.engine.market.racing import most_failures
from tests.support.fakes.history import WANTED, done, is_up, start, told, until, up
from tests.support.fakes.loopback import FakeInstance, FakeWorld, offer, world

RACED = replace(WANTED, launch=replace(WANTED.launch, hedge=2, prefer=Prefer.TIME))
ONE = estimate(offer(1), WANTED.launch, WANTED.plan_hours).until_healthy()


def market(**boots: float) -> FakeWorld:
    """Return a market of six hosts whose machines need so many seconds until they are healthy."""
    made = world()
    made.gpu.offers = tuple(offer(n, host_id=f"h{n}", ip=f"198.51.100.{n}") for n in range(1, 7))

    def conduct(seconds: float) -> object:
        def boot(instance: FakeInstance) -> None:
            instance.boot = seconds

        return boot

    made.gpu.conduct = {name.lstrip("m"): conduct(seconds) for name, seconds in boots.items()}  # type: ignore[misc]
    return made


def rents(made: FakeWorld) -> list[str]:
    return [step.reason for step in done(made) if isinstance(step, steps.Rent)]


def test_two_machines_boot_from_the_start_and_the_loser_is_gone() -> None:
    made = market(m1001=1200.0, m1002=300.0)
    begun = made.clock.now()
    up(made, RACED)
    is_up(made)
    assert made.clock.now() - begun < 600
    assert made.gpu.only().machine_id != "1001"
    assert made.gpu.most_paid == 2
    assert "expected to save" in rents(made)[1]
    assert made.store.state.denied == ()


def test_machines_that_lose_are_replaced_and_neither_denied_nor_rented_again() -> None:
    made = market(m1001=2600.0, m1002=2500.0, m1003=2400.0, m1004=250.0)
    up(made, RACED)
    is_up(made)
    assert made.gpu.most_paid == 2
    lost = [r.reason for r in told(made, Retired) if "another one" in r.reason]
    assert lost, [r.reason for r in told(made, Retired)]
    machines = [r.offer.machine_id for r in told(made, Rented)]
    assert len(machines) == len(set(machines))
    assert made.store.state.denied == ()
    assert len(told(made, Destroyed)) == len(machines) - 1


def test_one_slot_or_no_hedge_is_one_machine_at_a_time() -> None:
    for wanted in (replace(RACED, slots=1), replace(RACED, launch=replace(RACED.launch, hedge=1))):
        made = market(m1001=2600.0)
        up(made, wanted)
        is_up(made)
        assert made.gpu.most_paid == 1


def test_the_budget_holds_in_a_race() -> None:
    made = market(m1001=900.0)
    up(made, replace(RACED, max_cost=1.9 * ONE))
    is_up(made)
    assert made.gpu.most_paid == 1
    assert len([t for t in told(made, Trouble) if t.what == "no second machine is rented"]) == 1


def test_a_race_looks_for_a_second_machine_again_after_a_minute() -> None:
    made = market(m1001=1500.0)
    full, made.gpu.offers = made.gpu.offers, made.gpu.offers[:1]
    run = start(made, RACED)
    until(run, lambda: told(made, Trouble))
    made.gpu.offers = full
    run.finish()
    is_up(made)
    assert made.gpu.most_paid == 2
    assert len(told(made, Trouble)) == 1


def test_a_run_without_the_memory_of_the_race_keeps_both_and_ends() -> None:
    made = market(m1001=1200.0, m1002=700.0)
    until(start(made, RACED), lambda: len(told(made, Rented)) == 2)
    up(made, RACED)
    is_up(made)
    assert made.gpu.most_paid == 2


def test_attempts_are_counted_for_each_machine_of_the_pair() -> None:
    assert most_failures(WANTED) == WANTED.attempts
    assert most_failures(RACED) == 2 * WANTED.attempts
