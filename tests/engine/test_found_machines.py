"""A machine that was found, such as a clone: no agent names it to apps before the state has it, and none is lost."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ert_deploy.core.model import steps
from ert_deploy.core.model.desired import Desired
from ert_deploy.core.model.errors import NeedsAttention, Transient
from ert_deploy.core.model.events import Proven, Retired
from ert_deploy.core.model.keys import machine_key
from ert_deploy.core.model.observed import Health, Vital
from ert_deploy.core.model.state import InstanceRecord
from ert_deploy.core.planning.app_env import connected
from ert_deploy.core.verdict.waking import UNVERIFIED, Phase
from ert_deploy.engine.apply import Result
from ert_deploy.ports import StateStore
from tests.engine.test_machine_keys import ALONE, DERIVED, SECRET, begun
from tests.engine.test_unpublished_replacing import ASLEEP, IN_TIME, newest, phase, record
from tests.support.fakes.history import Process, done, start, told, until, up
from tests.support.fakes.loopback import FakeWorld, certificate
from tests.support.fakes.market import FakeInstance

SILENT = Health(Vital.UNREACHABLE, "no route")


def hash_of(machine: FakeInstance, generation: int) -> str:
    return machine_key(SECRET, machine.order.mark.token, generation).sha256()


def cloned() -> tuple[FakeWorld, FakeInstance, FakeInstance]:
    """Return a backend that serves, and a clone of it that was found during its boot and is healthy now."""
    made = begun()
    original = made.gpu.only()
    made.backend.certificate = lambda one: certificate(one.order.mark.token + (one.id if one is not original else ""))
    made.gpu.create(replace(original.order, offer_id="2"))
    found = start(made, ALONE)
    until(found, lambda: made.store.state.record(newest(made).id) is not None)
    made.clock.go_on(IN_TIME)
    made.listener.events.clear()
    assert not record(made, newest(made)).published
    return made, original, newest(made)


def found(made: FakeWorld, **changes: object) -> FakeInstance:
    """Let the record of the only machine be one that was made when it was found during a boot."""
    only = made.gpu.only()
    lost = InstanceRecord(only.order.mark.token, only.id, only.machine_id, made.clock.now())
    state = made.store.state.drop_record(only.id)
    made.store.save(state.put_record(replace(lost, **changes)))  # type: ignore[arg-type]
    return only


def about_to_give_up(process: Process[Result]) -> None:
    """Step a run until its next effect stores that a machine is given up."""
    while not (process.effect.method is StateStore.save and isinstance(done(process.world)[-1], steps.Retire)):
        process.step()


def test_a_clone_is_not_named_to_apps_before_the_state_has_it() -> None:
    made, original, clone = cloned()
    assert phase(made)[0] is Phase.READY
    original.health = SILENT
    assert phase(made) == (Phase.WAKING, UNVERIFIED)
    up(made, ALONE)
    assert phase(made)[0] is Phase.READY
    assert record(made, clone).published


def test_a_clone_that_an_agent_names_is_given_up_by_no_run_that_has_read_the_state_before() -> None:
    made, original, clone = cloned()
    clone.health = SILENT
    process = start(made, DERIVED)
    about_to_give_up(process)
    clone.health, original.health = None, SILENT
    up(made, ALONE)
    assert phase(made)[0] is Phase.READY
    original.health, service = None, made.web.services["dash"]
    address, key = f"https://203.0.113.7:{clone.port}", machine_key(SECRET, clone.order.mark.token, 0)
    named = connected(DERIVED.targets[0], address, key, made.backend.certificate(clone))
    service.running = {**service.running, **named}
    made.listener.events.clear()
    process.finish()
    assert [type(event) for event in made.listener.events if isinstance(event, Proven | Retired)] == [Proven, Retired]
    assert made.gpu.paid() == (original.id,)


def test_sleep_gives_up_no_clone_that_an_agent_has_named_meanwhile() -> None:
    made, original, clone = cloned()
    made.gpu.stop(original.id)
    clone.health = Health(Vital.LOADING)
    process = start(made, ASLEEP)
    about_to_give_up(process)
    clone.health = None
    up(made, ALONE)
    assert phase(made)[0] is Phase.READY
    process.finish()
    assert (clone.destroyed, clone.halted) == (None, True)
    assert steps.Stop(clone.id, "it is to sleep") in done(made)


@pytest.mark.parametrize("published", [True, False])
@pytest.mark.parametrize("wanted", [ALONE, DERIVED], ids=["without the web host", "with it"])
def test_one_that_was_found_with_a_later_key_serves_with_it(wanted: Desired, published: bool) -> None:
    made = begun()
    only = found(made, published=published)
    only.keys = (hash_of(only, 1),)
    made.backend.faults.queued["keys_in_force"] = [Transient("no line")]
    up(made, wanted)
    assert (only.destroyed, record(made, only).published) == (None, True)
    assert record(made, only).keys[-1] == only.keys[-1] == hash_of(only, 1)
    assert told(made, Retired) == []


def test_one_whose_disk_was_replaced_is_asked_for_its_keys_again() -> None:
    made = begun()
    only = found(made, keys=(hash_of(newest(made), 1),))
    up(made, ALONE)
    assert (only.destroyed, record(made, only).published) == (None, True)
    assert record(made, only).keys == only.keys == (hash_of(only, 0),)


def test_one_whose_key_cannot_be_known_without_the_web_host_is_left() -> None:
    made = begun()
    only = found(made)
    only.keys, made.backend.says_keys = ("0" * 64,), False
    with pytest.raises(NeedsAttention, match="unknown key"):
        up(made, ALONE)
    assert (only.destroyed, record(made, only).published) == (None, False)
