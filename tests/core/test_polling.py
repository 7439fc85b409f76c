"""Poll interval: short while a change is expected, and at most `timings/poll`."""

from __future__ import annotations

import pytest

from ert_deploy.core.model.desired import Timings
from ert_deploy.core.model.observed import Health, Vital
from ert_deploy.core.planning.polling import after, time_left, while_booting
from tests.support.situations import NOW, instance

TIMINGS = Timings(poll=10.0)
GB = 10**9


@pytest.mark.parametrize(
    ("waited", "pause"), [(0, 1), (5, 1), (20, 1), (30, 1.5), (100, 5), (200, 10), (1e6, 10), (-3600, 1)]
)
def test_a_pause_is_a_share_of_what_was_waited_and_bounded(waited: float, pause: float) -> None:
    assert after(waited, TIMINGS) == pytest.approx(pause)
    assert after(waited, TIMINGS, 0.5) == pytest.approx(pause / 2)


@pytest.mark.parametrize("took", [3.0, 20.0, 60.0, 90.0])
def test_what_happens_is_seen_late_by_a_twentieth_of_the_time_it_took_at_most(took: float) -> None:
    waited = 0.0
    while waited < took:
        waited += after(waited, TIMINGS)
    assert waited - took <= max(1.0, 0.05 * took)


def test_one_that_cannot_answer_yet_is_waited_for_from_when_it_was_asked_to_start() -> None:
    pulling = instance(1, status="loading", address=None)
    assert while_booting(TIMINGS, pulling, asked=NOW - 50, changed=NOW, now=NOW, left=None) == pytest.approx(2.5)


def test_one_that_may_answer_any_moment_is_looked_at_soon_after_it_changed() -> None:
    up = instance(1)
    assert while_booting(TIMINGS, up, asked=NOW - 500, changed=NOW - 2, now=NOW, left=None) == 1
    assert while_booting(TIMINGS, up, asked=NOW - 500, changed=NOW - 70, now=NOW, left=None) == pytest.approx(3.5)


@pytest.mark.parametrize(("left", "pause"), [(600, 10), (12, 6), (1.5, 1), (0.1, 1)])
def test_a_download_is_looked_at_when_it_should_be_complete(left: float, pause: float) -> None:
    assert while_booting(TIMINGS, instance(1), asked=NOW - 500, changed=NOW, now=NOW, left=left) == pause


def loading(completed: int, total: int = 14 * GB) -> Health:
    return Health(Vital.LOADING, completed=completed, total=total)


def test_a_download_goes_on_at_its_own_pace() -> None:
    assert time_left((NOW - 100, 1 * GB), loading(6 * GB), NOW) == pytest.approx(160)


@pytest.mark.parametrize(
    ("first", "health"),
    [
        ((NOW - 9, 6 * GB), loading(6 * GB)),
        ((NOW - 9, 6 * GB), loading(1 * GB)),
        ((NOW - 9, 6 * GB), loading(14 * GB)),
        ((NOW - 9, 0), loading(0, 0)),
        ((NOW, 0), loading(6 * GB)),
        ((NOW + 3600, 0), loading(6 * GB)),
    ],
    ids=["stands still", "begun again", "complete", "no figures", "first look", "clock set back"],
)
def test_nobody_guesses_how_long_it_takes_without_a_pace(first: tuple[float, int], health: Health) -> None:
    assert time_left(first, health, NOW) is None
