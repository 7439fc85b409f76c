"""Loop limits: a call that always fails or an instance that is never removed leads to an error with a hint."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ert_deploy.core.model.desired import Phase
from ert_deploy.core.model.errors import CannotObserve, ErtError, NeedsAttention, Rejected, Transient
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.ports import GpuHost
from tests.support.fakes.history import WANTED, done, down, is_down, is_up, start, until, up
from tests.support.fakes.loopback import FakeWorld, world

SLEEP = replace(WANTED, phase=Phase.ASLEEP)
WAKE = replace(WANTED, begin=False)
FORBIDDEN = Rejected("the key may not do it", hint="it needs the scope instance_write")


def refuse(made: FakeWorld, *operations: str, error: ErtError = FORBIDDEN) -> None:
    made.gpu.faults.chance = lambda operation: error if operation in operations else None


def asleep() -> FakeWorld:
    made = world()
    up(made)
    up(made, SLEEP)
    made.clock.go_on(1000)
    return made


@pytest.mark.parametrize("desired", [WANTED, WAKE])
def test_a_start_that_is_forbidden_is_no_gpu_that_is_taken(desired: object) -> None:
    made = asleep()
    refuse(made, "start")
    with pytest.raises(NeedsAttention, match="may not") as asked:
        up(made, WAKE if desired is WAKE else WANTED)
    assert asked.value.hint == "it needs the scope instance_write"
    assert len(made.gpu.instances) == 1, "nothing else is rented for it"
    made.gpu.faults.chance = None
    up(made)
    is_up(made)


@pytest.mark.parametrize("error", [FORBIDDEN, Transient("no"), CannotObserve("away")])
@pytest.mark.parametrize("taken", [True, False])
def test_wake_and_up_end_where_stop_and_start_are_refused_for_good(error: ErtError, taken: bool) -> None:
    made = asleep()
    made.gpu.only().taken = taken
    refuse(made, *(("stop",) if taken else ("stop", "start")), error=error)
    for desired in (WAKE, WANTED):
        run = start(made, desired)
        with pytest.raises(NeedsAttention) as asked:
            run.finish()
        assert run.done < 1500
        assert error.summary in asked.value.summary + asked.value.detail


def test_sleep_ends_where_the_stop_is_refused_for_good() -> None:
    for error in (FORBIDDEN, Transient("no")):
        made = world()
        up(made)
        refuse(made, "stop", error=error)
        with pytest.raises(NeedsAttention) as asked:
            up(made, SLEEP)
        assert error.summary in asked.value.summary + asked.value.detail


def two() -> tuple[FakeWorld, InstanceId, InstanceId]:
    """Return an environment with two rented instances: the first has a tombstone, the second is the new one."""
    made = world()
    up(made)
    first = made.gpu.only().id
    until(
        start(made, replace(WANTED, launch=replace(WANTED.launch, context=4096))), lambda: made.store.state.tombstones
    )
    return made, first, next(n for n in made.gpu.paid() if n != first)


def test_up_goes_on_although_something_that_was_destroyed_stays_in_the_list() -> None:
    made = world()
    up(made)
    made.gpu.lingers = 150.0
    changed = replace(WANTED, launch=replace(WANTED.launch, context=4096))
    up(made, changed)
    is_up(made, changed)
    up(made, SLEEP)
    assert made.gpu.running() == ()


def test_a_ghost_takes_a_slot_and_no_new_one_is_rented_beside_two() -> None:
    made = world()
    up(made)
    made.gpu.lingers = 1e9
    changed = replace(WANTED, launch=replace(WANTED.launch, context=4096))
    with pytest.raises(NeedsAttention, match="still exists after 240 s") as asked:
        up(made, changed)
    assert len(made.gpu.paid()) == 1, "the new one serves"
    assert "list: running" in asked.value.detail
    assert "read by id: running" in asked.value.detail
    assert "$0.2010/h" in asked.value.summary
    made.gpu.lingers = 0.0
    up(made, changed)
    is_up(made, changed)


def test_down_destroys_all_else_first_and_then_waits_for_a_ghost() -> None:
    made, first, second = two()
    refuse(made, "destroy", error=CannotObserve("403", hint="it needs the scope instance_write"))
    with pytest.raises(NeedsAttention, match="still exists after 240 s") as asked:
        down(made)
    assert "destroying it: 403" in asked.value.detail
    assert asked.value.hint == "it needs the scope instance_write"
    made.gpu.faults.chance = None
    made.gpu.lingers = 100.0
    honest, before = made.gpu.destroy, made.clock.time

    def destroy(instance_id: InstanceId) -> None:
        honest(instance_id)
        assert made.clock.time - before < 60

    run = start(made, replace(WANTED, phase=Phase.ABSENT))
    run.carry_out[GpuHost.destroy] = destroy
    while made.gpu.paid():
        run.step()
    assert (made.gpu.instances[first].destroyed, made.gpu.instances[second].destroyed) != (None, None)
    run.carry_out[GpuHost.destroy] = honest
    run.finish()
    is_down(made)
    assert [type(s).__name__ for s in done(made)].count("AwaitGone") > 0


def test_one_that_no_list_shows_is_not_forgotten_while_a_read_by_id_cannot_be_made() -> None:
    made = world()
    up(made)
    refuse(made, "get", error=CannotObserve("no answer"))
    with pytest.raises(NeedsAttention, match="an unknown price") as asked:
        down(made)
    assert "read by id: no answer: no answer" in asked.value.detail
    assert made.gpu.paid() == ()
    assert made.store.state.tombstones
