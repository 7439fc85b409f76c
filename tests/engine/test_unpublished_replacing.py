"""Another machine without the web host: what no app can know is given up, what one may use is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from ert_deploy.core.model import steps
from ert_deploy.core.model.errors import NeedsAttention, StartRefused
from ert_deploy.core.model.events import Destroyed, Proven, Rented, Retired, Stranded
from ert_deploy.core.model.observed import Health, Vital
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.model.state import InstanceRecord
from ert_deploy.core.planning.app_env import connected
from ert_deploy.core.verdict.waking import UNVERIFIED, Phase, waking
from ert_deploy.engine.decide import adopt, find
from ert_deploy.engine.effects import Effects
from ert_deploy.engine.run import run
from ert_deploy.engine.run_context import RunMemory
from ert_deploy.engine.verdict.read import read_facts
from ert_deploy.ports import StateStore
from tests.engine.test_machine_keys import ALONE, DERIVED, SECRET, begun, key_of
from tests.support.fakes.history import done, start, told, until, up
from tests.support.fakes.loopback import FakeWorld
from tests.support.fakes.market import FakeInstance
from tests.support.fakes.sleep import SLEEP, asleep
from tests.support.vast.says import says

LATE = 100_000.0  # s: a boot that no run waits for
IN_TIME = 60.0
DASH = DERIVED.targets[0]
ASLEEP = replace(SLEEP, targets=DERIVED.targets, machine_secret=SECRET)
ONE = replace(ALONE, slots=1)


def taken() -> tuple[FakeWorld, FakeInstance]:
    """Return a backend that sleeps, with a GPU that somebody else has."""
    made = begun()
    up(made, ASLEEP)
    old = made.gpu.only()
    old.taken = True
    made.listener.events.clear()
    return made, old


def newest(made: FakeWorld) -> FakeInstance:
    return list(made.gpu.instances.values())[-1]


def rented(made: FakeWorld, *, boot: float = IN_TIME) -> FakeInstance:
    """Let a run without the web host rent a machine with this boot time, and kill it after that."""
    before = len(made.gpu.instances)
    process = start(made, ALONE)
    until(process, lambda: len(made.gpu.instances) > before and process.last is StateStore.save)
    newest(made).boot = boot
    return newest(made)


def record(made: FakeWorld, machine: FakeInstance) -> InstanceRecord:
    found = made.store.state.record(machine.id)
    assert found is not None
    return found


def phase(made: FakeWorld) -> tuple[Phase, str]:
    found = waking(run(read_facts(ALONE, RunMemory()), made.ports))
    return found.phase, found.reason


def crawl(machine: FakeInstance) -> None:
    """Let its download go on without an end."""
    machine.boot = LATE


def fail(machine: FakeInstance) -> None:
    machine.override = lambda i: replace(i, **says("exited"), address=None)


@pytest.mark.parametrize("trouble", [crawl, fail])
def test_one_that_does_not_get_ready_is_gone_before_another_is_rented(trouble: Callable[[FakeInstance], None]) -> None:
    made, _ = taken()
    first = rented(made)
    trouble(first)
    up(made, ALONE)
    second = newest(made)
    assert (first.destroyed is not None, second is not first) == (True, True)
    assert made.gpu.paid() == (second.id,)
    assert made.gpu.most_paid <= 2
    assert [d.machine_id for d in made.store.state.denied] == [first.machine_id]


def test_apps_are_told_of_a_machine_once_the_state_has_its_certificate() -> None:
    made, _ = taken()
    machine = rented(made)
    made.clock.go_on(IN_TIME)
    assert phase(made) == (Phase.WAKING, UNVERIFIED)
    assert not record(made, machine).published
    up(made, ALONE)
    assert phase(made)[0] is Phase.READY
    assert (bool(record(made, machine).certificate), record(made, machine).published) == (True, True)


def test_one_that_takes_another_key_is_given_up_before_an_app_is_told() -> None:
    made, _ = taken()
    machine = rented(made)
    made.clock.go_on(IN_TIME)
    machine.keys = ("0" * 64,)
    up(made, ALONE)
    assert machine.destroyed is not None
    assert made.gpu.running() == (newest(made).id,)


@pytest.mark.parametrize(
    "known",
    [
        lambda one: replace(one, published=True, certificate="one"),
        lambda one: replace(one, keys=()),
        lambda one: replace(one, asked=("0" * 64,)),
    ],
    ids=["in use", "found again", "its key may be changed"],
)
def test_one_that_an_app_may_know_is_left_beside_another(known: Callable[[InstanceRecord], InstanceRecord]) -> None:
    made, old = taken()
    machine = rented(made)
    made.store.save(made.store.state.put_record(known(record(made, machine))))
    machine.health = Health(Vital.UNHEALTHY, "it says so")
    up(made, ALONE)
    assert (machine.destroyed, old.destroyed is not None) == (None, True)
    assert made.gpu.running() == (machine.id, newest(made).id)
    assert made.gpu.most_paid == 2


def test_one_that_no_longer_fits_is_given_up() -> None:
    made, _ = taken()
    machine = rented(made)
    up(made, replace(ALONE, launch=replace(ALONE.launch, context=8192)))
    assert machine.destroyed is not None
    assert made.gpu.running() == (newest(made).id,)


def test_what_cannot_be_started_is_gone_once_another_one_serves() -> None:
    made, old = taken()
    up(made, ALONE)
    order = [type(event) for event in told(made, Stranded | Retired | Destroyed)]  # type: ignore[arg-type]
    assert order == [Stranded, Retired, Destroyed]
    assert (old.destroyed is not None, made.gpu.paid()) == (True, (newest(made).id,))
    for _ in range(2):  # and so the next GPU that is taken is replaced as well
        up(made, ASLEEP)
        made.gpu.only().taken = True
        up(made, ALONE)
    assert made.gpu.paid() == (newest(made).id,)
    assert made.gpu.most_paid == 2


def test_one_that_a_person_has_started_meanwhile_stays() -> None:
    made, old = taken()
    rented(made)
    process = start(made, ALONE)
    while not (process.last is StateStore.save and record(made, newest(made)).published):
        process.step()
    while process.last is not StateStore.load:
        process.step()
    old.taken = old.halted = False
    old.made = made.clock.real()
    process.finish()
    assert old.destroyed is None
    assert made.gpu.running() == (old.id, newest(made).id)


def test_with_one_slot_the_only_disk_is_left() -> None:
    made, old = taken()
    with pytest.raises(NeedsAttention, match="two instances"):
        up(made, ONE)
    assert made.gpu.paid() == (old.id,)


def test_of_two_disks_that_cannot_be_started_one_makes_way() -> None:
    made, old = taken()
    machine = rented(made)
    made.clock.go_on(IN_TIME)
    process = start(made, ALONE)
    until(process, lambda: record(made, machine).published)
    made.gpu.stop(machine.id)
    machine.taken = True
    up(made, ALONE)
    assert (old.destroyed is not None, machine.destroyed is not None) == (True, True)
    assert made.gpu.paid() == (newest(made).id,) != (machine.id,)
    assert made.gpu.most_paid == 2


def test_without_derived_keys_no_disk_makes_way() -> None:
    made = asleep()
    made.gpu.faults.queued["start"] = [StartRefused("taken")]
    process = start(made, replace(DERIVED, machine_secret=None))
    until(process, lambda: told(made, Stranded) and process.last is StateStore.save)
    with pytest.raises(NeedsAttention, match="another machine is needed"):
        up(made, replace(ONE, machine_secret=None))
    assert [s for s in done(made) if isinstance(s, steps.Retire)] == []
    assert len(made.gpu.paid()) == 1


def test_one_that_only_an_agent_has_told_of_serves_until_another_does_also_without_its_marks() -> None:
    made, _ = taken()
    up(made, ALONE)
    machine, service = newest(made), made.web.services["dash"]
    address = f"https://203.0.113.7:{machine.port}"
    told_by_agent = connected(DASH, address, key_of(made), record(made, machine).certificate)
    service.running = {**service.running, **told_by_agent}  # and its variables still have the first machine
    machine.override = lambda i: replace(
        i, mark=None, born=None, owner="", spec="", key_hashes=(), boot_secret=Secret("")
    )
    run(_adopted(machine), made.ports)
    made.gpu.decided.add(machine.id)
    made.listener.events.clear()
    up(made, replace(DERIVED, launch=replace(DERIVED.launch, context=8192)))
    order = [type(event) for event in made.listener.events if isinstance(event, Rented | Proven | Retired)]
    assert order == [Rented, Proven, Retired]
    assert made.gpu.paid() == (newest(made).id,) != (machine.id,)


def _adopted(machine: FakeInstance) -> Effects[None]:
    situation, instance = yield from find(DERIVED, machine.id)
    assert instance is not None
    yield from adopt(situation, instance)
