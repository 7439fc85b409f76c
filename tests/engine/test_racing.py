"""`launch/prefer: time`: two machines from the start, the late one replaced, and never more than two paid."""

from __future__ import annotations

from dataclasses import replace

from ert_deploy.core.launching.manifest import Access, Manifest
from ert_deploy.core.market.cost import estimate
from ert_deploy.core.market.learned import Pulled
from ert_deploy.core.model import steps
from ert_deploy.core.model.boot.prefer import Prefer
from ert_deploy.core.model.boot.watch import Lag, LaunchStage, Watch
from ert_deploy.core.model.events import Destroyed, Rented, Retired, Trouble
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.state import State
from ert_deploy.core.planning.offers import choose
from ert_deploy.engine.market.racing import BEGUN, MUTE, WHOLE, curve_of, exhausted, most_failures, reorder
from ert_deploy.engine.run_context import RunMemory
from tests.support.fakes.history import WANTED, done, is_up, start, told, until, up
from tests.support.fakes.loopback import FakeInstance, FakeWorld, offer, world

RACED = replace(
    WANTED,
    launch=replace(WANTED.launch, hedge=2, prefer=Prefer.TIME),
    criteria=replace(WANTED.criteria, verified=False),
)
ONE = estimate(offer(1), WANTED.launch, WANTED.plan_hours).until_healthy()


def market(**boots: float) -> FakeWorld:
    """Return a market of six hosts whose machines need so many seconds until they are healthy."""
    made = world()
    made.gpu.offers = tuple(offer(n, host_id=f"h{n}", ip=f"198.51.100.{n}", verified=False) for n in range(1, 7))

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


def test_a_machine_that_was_given_up_is_replaced_as_soon_as_it_is_gone() -> None:
    made = market(m1001=2600.0, m1002=2500.0, m1003=2400.0, m1004=250.0)
    run = start(made, RACED)
    until(run, lambda: told(made, Destroyed))
    gone, rented = made.clock.now(), len(told(made, Rented))
    until(run, lambda: len(told(made, Rented)) > rented)
    assert made.clock.now() - gone < RACED.timings.poll / 2
    run.finish()
    is_up(made)


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


def test_a_race_begins_a_bounded_number_of_machines_and_counts_those_that_failed() -> None:
    memory = RunMemory(rentals=2 * RACED.attempts, overtaken={"1"})
    assert not exhausted(RACED, memory)
    memory.rentals += 1
    assert exhausted(RACED, memory)
    given_up = RunMemory(rentals=BEGUN * 2 * RACED.attempts, overtaken={str(n) for n in range(1000)})
    assert exhausted(RACED, given_up)
    given_up.rentals -= 1
    assert not exhausted(RACED, given_up)


def test_a_host_whose_machine_was_slow_comes_later() -> None:
    choice = choose((offer(1, host_id="slow"), offer(2, host_id="other")), RACED)
    memory = RunMemory(ranked=choice.ranked)
    reorder(RACED, State("ert"), memory, 0.0)
    assert [one.offer.id for one in memory.ranked] == ["1", "2"]
    memory.pulls["t"] = Pulled("9", "slow", 900.0, 8.0)
    reorder(RACED, State("ert"), memory, 0.0)
    assert [one.offer.id for one in memory.ranked] == ["2", "1"]
    before = memory.ranked
    reorder(RACED, State("ert"), memory, 0.0)
    assert memory.ranked is before, "nothing new was seen"
    cost = RunMemory(ranked=choice.ranked, pulls=memory.pulls)
    reorder(WANTED, State("ert"), cost, 0.0)
    assert cost.ranked is choice.ranked, "the order of launch/prefer: cost is that of the search"


def test_messages_that_never_tell_of_a_layer_are_no_evidence() -> None:
    (ranked,) = choose((offer(1),), RACED).ranked
    memory = RunMemory(image=Manifest(Access.FOUND, layers=(5, 5)))
    silent = Watch("", 0.0, stage=LaunchStage.PULL, lag=Lag.OVERTAKEN)
    for number in range(MUTE):
        assert curve_of(ranked, RACED, 0.0, memory).layers == (5, 5)
        memory.watches[InstanceId(str(number))] = silent
    assert curve_of(ranked, RACED, 0.0, memory).layers == WHOLE
    memory.watches[InstanceId("9")] = replace(silent, moves=3, lag=Lag.NONE)
    assert curve_of(ranked, RACED, 0.0, memory).layers == (5, 5)
