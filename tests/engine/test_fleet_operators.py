"""Fleets and several operators, processes that are killed, and another number of replicas."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from ert_deploy.core.model.desired import Desired
from ert_deploy.engine.apply import Result
from ert_deploy.ports import StateStore
from tests.engine.test_two_runs import interleave
from tests.support.fakes.fleet import THREE, are_up, begin, fleet, market, of_replica, spread
from tests.support.fakes.history import OTHER, WANTED, Process

TWO = replace(WANTED, replicas=2)
CHANGED = replace(OTHER, replicas=3)


@pytest.mark.parametrize("seed", range(3))
def test_two_operators_never_pay_more_than_one_instance_too_many(seed: int) -> None:
    made, draw = market(), random.Random(seed)
    fleet(made, TWO)
    second = draw.choice((THREE, CHANGED, TWO))
    interleave(draw, begin(made, CHANGED), begin(made, second))
    spread(made)
    fleet(made, CHANGED)
    are_up(made, CHANGED)


def about_to_rent(run: Process[dict[int, Result]]) -> bool:
    """Whether the next effect of a run stores a create."""
    if run.effect.method is not StateStore.save:
        return False
    (state,) = run.effect.args
    return any(part.intents for part in (state, *state.replicas))


def test_two_operators_that_both_saw_a_free_turn_do_not_both_rent() -> None:
    made = market()
    fleet(made, TWO)
    made.gpu.instances[of_replica(made, 2).id].dph = 0.9  # above the cap
    mine, theirs = begin(made, replace(OTHER, replicas=2), 3), begin(made, TWO, 3)
    for run in (mine, theirs):
        while not about_to_rent(run):
            assert run.step()
    interleave(random.Random(1), mine, theirs)
    assert made.gpu.most_paid == 3
    fleet(made, TWO, 3)
    are_up(made, TWO)


@pytest.mark.parametrize("share", range(3))
def test_a_run_that_is_killed_anywhere_is_finished_by_the_next(share: int) -> None:
    for after in range(40 + 31 * share, 600, 93):
        made = market()
        if begin(made).die(after):
            made.clock.go_on(300.0)
            fleet(made)
        are_up(made)
        spread(made)


def desired_of(replicas: int) -> Desired:
    """Return the same deployment with so many replicas."""
    return replace(WANTED, replicas=replicas)


@pytest.mark.parametrize("numbers", [(1, 3, 2), (3, 1, 4), (2, 5, 1)])
def test_their_number_can_be_raised_and_lowered(numbers: tuple[int, ...]) -> None:
    made = market()
    for number in numbers:
        fleet(made, desired_of(number), most=max(numbers) + 1)
        are_up(made, desired_of(number))
        spread(made)
