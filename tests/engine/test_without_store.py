"""`down` without a readable or writable state: rented instances are removed, and the reported result is true."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from ert_deploy.core.model.errors import (
    CannotObserve,
    Damaged,
    ErtError,
    Failed,
    NeedsAttention,
    OutcomeUnknown,
    UsageError,
)
from ert_deploy.core.model.events import Destroyed
from ert_deploy.core.model.state import State
from tests.support.fakes.history import GONE, WANTED, down, is_down, is_up, start, told, until, up
from tests.support.fakes.loopback import FakeWorld, world

AT_ONCE = replace(GONE, apps_first=False)
SETTLE = WANTED.timings.settle


def served() -> FakeWorld:
    made = world()
    up(made)
    made.clock.go_on(1000)
    return made


def fails(*operations: str, error: ErtError) -> Callable[[str], ErtError | None]:
    return lambda operation: error if operation in operations else None


@pytest.mark.parametrize("desired", [GONE, AT_ONCE])
def test_down_destroys_and_confirms_where_nothing_can_be_written(desired: object) -> None:
    made = served()
    number = made.gpu.only().id
    made.store.faults.chance = fails("save", error=Failed("No space left on device", hint="free space"))
    with pytest.raises(NeedsAttention, match="the state cannot be written") as asked:
        down(made, AT_ONCE if desired is AT_ONCE else GONE)
    assert made.gpu.paid() == ()
    assert [event.instance_id for event in told(made, Destroyed)] == [number]
    assert f"the state still contains instance {number}" in asked.value.detail
    assert "No space left" in asked.value.detail
    assert (asked.value.exit_code, asked.value.hint) == (5, "free space")
    made.store.faults.chance = None
    down(made)
    is_down(made)


@pytest.mark.parametrize("desired", [GONE, AT_ONCE])
@pytest.mark.parametrize(
    "error", [CannotObserve("no such role"), Damaged("not a state"), UsageError("it is signed, and no key is set")]
)
def test_down_goes_by_the_marks_where_nothing_can_be_read(desired: object, error: ErtError) -> None:
    made = served()
    made.store.faults.chance = fails("load", "save", error=error)
    with pytest.raises(NeedsAttention, match="the state cannot be read") as asked:
        down(made, AT_ONCE if desired is AT_ONCE else GONE)
    assert made.gpu.paid() == ()
    assert error.summary in asked.value.detail
    made.store.faults.chance = None
    down(made)
    is_down(made)


@pytest.mark.parametrize("blank", [True, False])
def test_down_without_a_state_looks_until_a_create_would_have_come(blank: bool) -> None:
    made = world()
    made.gpu.faults.queued["create"] = [OutcomeUnknown("timeout", "late 110")]
    until(start(made), lambda: made.gpu.late)
    if blank:
        made.store.lose()
        down(made)
        is_down(made)
        return
    made.store.faults.chance = fails("load", error=CannotObserve("no such role"))
    with pytest.raises(NeedsAttention, match="cannot be read"):
        down(made)
    assert made.gpu.paid() == ()
    assert made.gpu.late == []


def test_down_now_without_a_state_does_not_wait_and_says_for_how_long_something_may_come() -> None:
    made = served()
    made.store.lose()
    before = made.clock.time
    result = down(made, AT_ONCE)
    assert made.clock.time - before < SETTLE / 2
    assert SETTLE - 60 < result.unknown_for <= SETTLE + 30
    made.clock.go_on(result.unknown_for)
    assert down(made, AT_ONCE).unknown_for == 0.0
    assert made.store.state.begun == 0.0, "and no later one waits"


def test_a_state_that_nobody_dated_is_waited_for_once() -> None:
    made = served()
    made.gpu.dates = False
    made.store.lose()
    down(made)
    is_down(made)
    before = made.clock.time
    down(made)
    assert made.clock.time - before < 10


def test_a_state_that_is_lost_while_down_is_killed_is_still_known_to_be_young() -> None:
    made = served()
    made.store.lose()
    until(start(made, GONE), lambda: made.store.state.tombstones)
    before = made.clock.time
    down(made)
    is_down(made)
    assert made.clock.time - before >= SETTLE - 120


def test_a_first_up_leaves_nothing_to_wait_for_and_one_after_the_state_was_lost_does() -> None:
    made = world()
    up(made)
    assert made.store.state.begun == 0.0
    made.store.lose()
    up(made)
    is_up(made)
    assert made.store.state.begun > 0.0


def test_a_store_that_works_again_has_it_all() -> None:
    made = served()
    made.store.faults.queued["save"] = [Failed("No space left on device")]
    down(made)
    is_down(made)


def test_a_store_that_can_be_read_again_is_gone_on_with() -> None:
    made = served()
    made.store.faults.queued["load"] = [CannotObserve("no answer")] * 2
    down(made)
    is_down(made)


def test_a_store_that_can_be_read_again_in_the_end_is_looked_at_once_more() -> None:
    made = served()
    made.store.faults.chance = fails("load", error=CannotObserve("no answer"))
    run = start(made, GONE)
    while run.step():
        if told(made, Destroyed) and made.clock.slept > SETTLE:
            made.store.faults.chance = None
    assert run.error is None
    is_down(made)


def test_what_somebody_else_writes_meanwhile_is_not_lost() -> None:
    made = served()
    made.store.faults.queued["save"] = [Failed("No space left on device")]
    run = start(made, GONE)
    while made.gpu.paid():
        run.step()
    made.store.save(replace(made.store.state, rollouts=()))
    run.finish()
    is_down(made)


def test_what_somebody_else_writes_at_the_very_end_is_not_lost() -> None:
    made = served()
    made.store.faults.queued["save"] = [Failed("No space left on device")]
    honest, wrote = made.store.save, [False]

    def save(state: State) -> State:
        if not wrote[0] and made.gpu.paid() == ():
            wrote[0] = True
            honest(made.store.state)
        return honest(state)

    made.store.save = save  # type: ignore[method-assign]
    down(made)
    is_down(made)


def test_a_store_that_fails_again_and_again_and_works_in_between_needs_a_person() -> None:
    made = served()
    honest = made.store.save

    def save(state: State) -> State:
        if made.gpu.paid() == ():
            honest(made.store.state)  # another process, every time
        return honest(state)

    made.store.faults.queued["save"] = [Failed("No space left on device"), *[None, Failed("full")] * 40]
    made.store.save = save  # type: ignore[method-assign]
    with pytest.raises(NeedsAttention):
        down(made)
    assert made.gpu.paid() == ()


def test_an_app_that_could_not_be_told_is_said_as_well() -> None:
    made = served()
    made.store.faults.chance = fails("save", error=Failed("No space left on device"))
    made.web.faults.chance = fails("read_env", error=CannotObserve("Render is away"))
    with pytest.raises(NeedsAttention) as asked:
        down(made)
    assert "dash could not be updated: Render is away" in asked.value.detail


def test_a_create_that_left_no_trace_is_named_where_it_cannot_be_struck_off() -> None:
    made = world()
    made.gpu.faults.queued["create"] = [OutcomeUnknown("timeout", "before")]
    until(start(made), lambda: made.store.state.intents)
    made.clock.go_on(1000)
    made.store.faults.chance = fails("save", error=Failed("read-only"))
    with pytest.raises(NeedsAttention) as asked:
        down(made)
    assert "a create call for offer 1" in asked.value.detail


def test_others_than_down_need_the_store() -> None:
    made = served()
    made.store.faults.chance = fails("save", error=Failed("No space left on device"))
    with pytest.raises(Failed, match="No space left"):
        up(made, replace(WANTED, launch=replace(WANTED.launch, context=4096)))
    assert len(made.gpu.instances) == 1
