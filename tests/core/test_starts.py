"""Wakes by the history: what counts as one, and when the next one is within the limit."""

from __future__ import annotations

import pytest

from ert_deploy.core.model.log.happened import MOST_HISTORY, Happened
from ert_deploy.core.verdict.starts import HOUR, ONE_WAKE, wait_for_start, wakes

NOW = 1_000_000.0


def history(*events: tuple[float, str]) -> tuple[Happened, ...]:
    """Return events with their age in seconds."""
    return tuple(Happened(NOW - ago, what, "7") for ago, what in events)


@pytest.mark.parametrize(
    ("events", "begun"),
    [
        ((), ()),
        (((90, "started"),), (90,)),
        (((90, "started"), (80, "stranded"), (70, "rented"), (60, "ready")), (90,)),
        (((900, "started"), (60, "started")), (900, 60)),
        (((900, "started"), (800, "started"), (200, "started")), (900, 200)),
        (((300, "started"), (200, "stopped"), (100, "started")), (300, 100)),
        (((300, "rented"), (200, "failed"), (100, "rented")), (300, 100)),
        (((300, "rented"), (250, "ready"), (240, "published"), (100, "started")), (300, 100)),
        (((HOUR, "started"), (HOUR - 1, "finished"), (60, "keys")), ()),
    ],
)
def test_a_wake_is_its_first_start_until_it_ended(
    events: tuple[tuple[float, str], ...], begun: tuple[int, ...]
) -> None:
    assert wakes(history(*events), NOW) == tuple(NOW - ago for ago in begun)


def test_a_time_without_the_providers_clock_counts_too() -> None:
    assert wakes((Happened(-(NOW - 60), "started"),), NOW) == (NOW - 60,)


def test_the_limit_is_over_when_the_oldest_wake_leaves_the_hour() -> None:
    starts = [(3000.0 - 600 * n, "started") for n in range(4)]
    assert wait_for_start(history(*starts), NOW, 5) == 0.0
    assert wait_for_start(history(*starts), NOW, 4) == HOUR - 3000
    assert wait_for_start(history(*starts), NOW, 3) == HOUR - 2400
    assert wait_for_start(history(*starts), NOW + HOUR, 4) == 0.0


def test_a_history_that_does_not_reach_back_an_hour_allows_nothing() -> None:
    full = history(*((1000.0 - n, "denied") for n in range(MOST_HISTORY)))
    assert wait_for_start(full, NOW, 6) == HOUR - 1000
    assert wait_for_start(full[1:], NOW, 6) == 0.0
    assert wait_for_start(full, NOW + HOUR, 6) == 0.0
    assert ONE_WAKE < HOUR
