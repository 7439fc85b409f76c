"""Concurrent runs of the same deployment with one state.

The lock is advisory: these runs do not acquire it, as it cannot reliably block two machines with a shared store.
Conditional writes of the state prevent conflicts.
"""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from ert_deploy.core.model.errors import Busy, ErtError, NeedsAttention, StateConflict
from ert_deploy.core.model.events import Started
from ert_deploy.core.model.state import Denied
from tests.support.fakes.history import GONE, WANTED, Process, down, is_down, is_up, start, up
from tests.support.fakes.loopback import world

OTHER = replace(WANTED, launch=replace(WANTED.launch, context=8192))


def interleave(draw: random.Random, *runs: Process) -> list[ErtError]:  # type: ignore[type-arg]
    """Step the runs in random order until all are done; return their errors."""
    going = list(runs)
    while going:
        run = draw.choice(going)
        for _ in range(draw.choice((1, 1, 2, 5, 25))):
            if not run.step():
                going.remove(run)
                break
    return [run.error for run in runs if run.error is not None]


def test_two_ups_that_take_turns_at_every_effect_end_as_one_instance() -> None:
    made = world()
    first, second = start(made), start(made)
    while not (first.ended and second.ended):
        for run in (first, second):
            if not run.ended:
                run.step()
    assert first.error is second.error is None
    is_up(made)
    assert made.gpu.most_paid <= 2


@pytest.mark.parametrize("seed", range(80))
def test_two_ups_in_any_order_end_as_one_instance(seed: int) -> None:
    made, draw = world(), random.Random(seed)
    errors = interleave(draw, start(made), start(made))
    assert errors == [], f"seed {seed}"
    is_up(made)


@pytest.mark.parametrize("seed", range(30))
def test_two_downs_in_any_order_leave_nothing(seed: int) -> None:
    made, draw = world(), random.Random(seed)
    up(made)
    assert interleave(draw, start(made, GONE), start(made, GONE)) == [], f"seed {seed}"
    is_down(made)


@pytest.mark.parametrize("seed", range(40))
def test_an_up_and_a_down_at_once_do_no_harm_and_the_last_word_counts(seed: int) -> None:
    made, draw = world(), random.Random(seed)
    up(made)
    interleave(draw, start(made, draw.choice((WANTED, OTHER))), start(made, GONE))
    down(made)
    is_down(made)


@pytest.mark.parametrize("seed", range(40))
def test_two_ups_with_different_configs_do_no_harm_and_the_next_one_settles_it(seed: int) -> None:
    made, draw = world(), random.Random(seed)
    interleave(draw, start(made), start(made, OTHER))
    up(made)
    is_up(made)


def test_a_write_by_somebody_else_is_seen_and_planned_with() -> None:
    made = world()
    run = start(made)
    while not made.store.state.intents:
        run.step()
    state = made.store.state
    made.store.save(state.deny(Denied("9999", made.clock.real() + 3600, "by another run"), 0.0))
    run.finish()
    is_up(made)
    assert [d.machine_id for d in made.store.state.denied] == ["9999"]


def test_somebody_who_never_stops_writing_is_reported() -> None:
    made = world()
    made.store.faults.queued["save"] = [StateConflict("somebody wrote")] * 100
    with pytest.raises(NeedsAttention, match="keeps writing"):
        up(made)
    assert made.gpu.instances == {}
    assert len(made.listener.of(Started)) < 30


def test_the_lock_says_who_holds_it() -> None:
    made = world()
    with made.store.lock("run-1"), pytest.raises(Busy) as refused, made.store.lock("run-2"):
        pass
    assert refused.value.detail == "run-1"
