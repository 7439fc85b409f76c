"""Retry limits of the engine: the exact number of attempts, then a request for attention or an error."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from ert_deploy.core.model.desired import Desired, Phase
from ert_deploy.core.model.errors import (
    CannotObserve,
    ErtError,
    Failed,
    NeedsAttention,
    OfferGone,
    Rejected,
    StateConflict,
    Transient,
)  # fmt: skip
from ert_deploy.engine.apply import MAX_CONFLICTS
from ert_deploy.engine.observe import MAX_BLIND
from ert_deploy.engine.rent import MAX_LOST
from ert_deploy.engine.start_stop import MAX_REFUSALS, MAX_STARTS, MAX_STOPS
from tests.support.fakes.history import WANTED, up
from tests.support.fakes.loopback import FakeWorld, world
from tests.support.fakes.timing import Plans

SLEEP = replace(WANTED, phase=Phase.ASLEEP)
WAKE = replace(WANTED, begin=False)


def counted(faults: Plans, operation: str, error: ErtError) -> Counter[str]:
    """Make every call of `operation` fail with `error`; return the counter of the calls."""
    seen: Counter[str] = Counter()

    def chance(called: str) -> ErtError | None:
        seen[called] += 1
        return error if called == operation else None

    faults.chance = chance
    return seen


def serving() -> FakeWorld:
    made = world()
    up(made)
    return made


def asleep() -> FakeWorld:
    made = serving()
    up(made, SLEEP)
    made.clock.go_on(1000)
    return made


@pytest.mark.parametrize(
    ("error", "times"),
    [(Transient("no"), MAX_STOPS), (CannotObserve("no"), MAX_STOPS), (Rejected("you may not"), MAX_REFUSALS)],
)
def test_a_stop_is_asked_for_as_often_as_its_bound_says(error: ErtError, times: int) -> None:
    made = serving()
    seen = counted(made.gpu.faults, "stop", error)
    with pytest.raises(NeedsAttention):
        up(made, SLEEP)
    assert seen["stop"] == times


@pytest.mark.parametrize(
    ("desired", "error", "times"),
    [(WAKE, Rejected("you may not"), MAX_REFUSALS), (WANTED, Transient("no"), MAX_STARTS)],
)
def test_a_start_is_asked_for_as_often_as_its_bound_says(desired: Desired, error: ErtError, times: int) -> None:
    made = asleep()
    first = made.gpu.only().id
    seen = counted(made.gpu.faults, "start", error)
    if isinstance(error, Rejected):
        with pytest.raises(NeedsAttention):
            up(made, desired)
    else:
        up(made, desired)
        assert made.gpu.only().id != first
    assert seen["start"] == times


def test_a_state_that_others_keep_writing_is_written_once_more_than_its_bound_says() -> None:
    made = world()
    seen = counted(made.store.faults, "save", StateConflict("somebody wrote"))
    with pytest.raises(NeedsAttention, match="keeps writing"):
        up(made)
    assert seen["save"] == MAX_CONFLICTS + 1


def test_a_provider_that_cannot_be_read_any_more_is_read_once_more_than_its_bound_says() -> None:
    made = world()
    looks: list[int] = []

    def chance(called: str) -> ErtError | None:
        if called == "list":
            looks.append(len(made.gpu.instances))
        return CannotObserve("away") if called == "list" and made.gpu.instances else None

    made.gpu.faults.chance = chance
    with pytest.raises(CannotObserve):
        up(made)
    assert sum(map(bool, looks)) == MAX_BLIND + 1


def test_offers_that_go_to_others_end_the_run_at_their_bound() -> None:
    made = world()
    made.gpu.offers = tuple(replace(made.gpu.offers[0], id=str(n), machine_id=str(n)) for n in range(1, 100))
    seen = counted(made.gpu.faults, "create", OfferGone("taken"))
    with pytest.raises(Failed, match=f"{MAX_LOST} offers were taken"):
        up(made)
    assert seen["create"] == MAX_LOST
