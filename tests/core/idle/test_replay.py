"""Replay of a policy, worked by hand: a second of the GPU costs $1 and one of its disk a cent."""

from __future__ import annotations

import pytest

from ert_deploy.core.idle.hours import DAY, Window
from ert_deploy.core.idle.policy import Fixed, Learned, Schedule, least_stop
from ert_deploy.core.idle.prices import HOUR, Prices, Taken
from ert_deploy.core.idle.replay import Luck, replay
from ert_deploy.core.idle.thresholds import break_even

MONDAY = 4 * DAY  # 1970-01-05
NINE, SIX = MONDAY + 9 * HOUR, MONDAY + 18 * HOUR
SECONDS = Prices(
    gpu=3600.0, disk=36.0, kept=10.0, anew=50.0, refused=20.0, fetch=7.0, wait_price=60.0, taken=Taken(0.0)
)
ALWAYS_TAKEN = Prices(
    gpu=3600.0, disk=36.0, kept=10.0, anew=50.0, refused=20.0, fetch=7.0, wait_price=60.0, taken=Taken(1.0, 1e-9)
)
OFFICE = Schedule((Window(frozenset(range(5)), 9 * HOUR, 18 * HOUR),))
FREE = Prices(taken=Taken(0.0))


def low(number: int) -> float:
    return 0.0


def high(number: int) -> float:
    return 0.999


def test_a_disk_is_billed_until_it_is_given_up_and_a_new_machine_is_rented_then() -> None:
    played = replay([0.0, 200.0], Fixed(30.0, 100.0), SECONDS, low, work=5.0, until=260.0)
    assert [played.idle, played.boots, played.disk] == pytest.approx([35.0, 2 * 57.0, 1.0])
    assert (played.requests, played.waited, played.starts) == (2, 2, 2)
    assert played.minutes * 60 == pytest.approx(50 + 50)


def test_a_taken_gpu_is_paid_from_when_another_machine_starts() -> None:
    played = replay([0.0, 200.0], Fixed(30.0), ALWAYS_TAKEN, high, work=5.0, until=280.0)
    assert played.boots == pytest.approx(2 * 57.0), "not for the seconds until it is noticed"
    assert played.minutes * 60 == pytest.approx(50 + 20 + 50)
    assert played.disk == pytest.approx(0.01 * 115)


@pytest.mark.parametrize("luck", [low, high])
def test_without_any_chance_that_it_is_taken_no_luck_takes_it(luck: Luck) -> None:
    played = replay([0.0, 200.0], Fixed(30.0), SECONDS, luck, work=5.0, until=220.0)
    assert played.minutes * 60 == pytest.approx(50 + 10)


def test_a_floor_keeps_it_running_for_longer_than_the_policy_would() -> None:
    played = replay([0.0, 200.0], Fixed(30.0), SECONDS, low, work=5.0, until=900.0, floor=100.0)
    assert played.idle == pytest.approx(100.0 + 100.0)
    assert played.disk == pytest.approx(0.01 * (45.0 + 900.0 - 315.0))


def test_a_request_at_the_moment_from_which_on_is_counted_counts_with_its_start() -> None:
    played = replay([0.0, 200.0], Fixed(30.0), SECONDS, low, work=5.0, until=260.0, since=200.0)
    assert (played.requests, played.starts, played.waited) == (1, 1, 1)
    assert played.idle == pytest.approx(30.0), "nothing of the first idle time"
    assert played.disk == pytest.approx(0.01 * 15.0)
    assert played.boots == pytest.approx(10.0)


def test_a_request_as_a_window_ends_finds_it_running() -> None:
    played = replay([NINE, SIX], OFFICE, FREE, low, work=90.0, until=SIX + 600.0)
    assert (played.requests, played.waited, played.starts) == (2, 1, 1)


def test_a_request_at_the_end_of_a_start_in_advance_that_waited_is_no_missed_one() -> None:
    """The next day's window begins at nine, and its only request comes at six."""
    played = replay([NINE, SIX + DAY], OFFICE, FREE, low, work=90.0, until=SIX + DAY + 600.0)
    assert (played.waited, played.early, played.missed) == (1, 1, 0)


def test_a_request_as_a_start_in_advance_begins_is_what_starts_it() -> None:
    begins = NINE + DAY - FREE.kept
    played = replay([NINE, begins], OFFICE, FREE, low, work=90.0, until=SIX + DAY)
    assert (played.early, played.starts, played.waited) == (0, 2, 2)
    assert played.minutes * 60 == pytest.approx(FREE.anew + FREE.kept)


def test_windows_without_a_request_are_paid_and_its_disk_is_kept_between_them() -> None:
    played = replay([NINE], OFFICE, FREE, low, work=90.0, until=SIX + 2 * DAY + HOUR)
    first = SIX - (NINE + FREE.anew + 90.0)
    assert (played.starts, played.early, played.missed) == (3, 2, 2)
    assert played.idle == pytest.approx(FREE.run(first + 2 * 9 * HOUR))
    assert played.disk == pytest.approx(FREE.keep(2 * (15 * HOUR - FREE.kept) + HOUR))
    assert played.boots == pytest.approx(FREE.run(FREE.anew + 2 * FREE.kept) + FREE.fetch)


def test_starts_in_advance_are_counted_from_the_moment_on_at_which_they_begin() -> None:
    begins = NINE + DAY - FREE.kept
    for since, counted in ((begins, 1), (begins + 1.0, 0)):
        played = replay([NINE], OFFICE, FREE, low, work=90.0, until=SIX + DAY + HOUR, since=since)
        assert (played.early, played.missed) == (counted, counted)


@pytest.mark.parametrize(
    ("taken", "luck", "late"),
    [(Taken(0.2, 1e-9), low, 600.0 + 60.0 - 150.0), (Taken(0.5, 1e-9), high, 0.0)],
    ids=["too little time for another machine", "time for another one that was not needed"],
)
def test_a_start_in_advance_waits_for_its_whole_time_from_when_it_was_to_be_ready(
    taken: Taken, luck: Luck, late: float
) -> None:
    """It waits for the nine hours of a window; where it was ready earlier, that time is paid as well."""
    prices = Prices(taken=taken)
    played = replay([NINE], OFFICE, prices, luck, work=90.0, until=MONDAY + 2 * DAY + 4 * HOUR)
    first = SIX - (NINE + prices.anew + 90.0)
    early = 0.0 if late else prices.refused + prices.anew - prices.kept
    assert played.idle == pytest.approx(prices.run(first + early + 9 * HOUR))


def test_idle_times_as_long_as_usual_are_waited_for() -> None:
    """Requests somewhat further apart than break-even: after some of them the machine no longer stops in between."""
    apart = 1.3 * break_even(FREE).stop + 90.0
    times = [MONDAY + number * apart for number in range(100)]
    played = replay(times, Learned(), FREE, low, work=90.0, until=times[-1])
    assert played.waited < 60
    assert least_stop(Learned(), FREE) < apart


def test_what_a_start_in_advance_cost_unused_leaves_the_budget_for_the_next_day() -> None:
    """A request that comes in the evening instead: on the day after it the machine is started early again."""
    days = [day for day in range(33) if day % 7 < 5]
    usual = [MONDAY + day * DAY + 9 * HOUR for day in days]
    moved = [at + 11 * HOUR if at == MONDAY + 29 * DAY + 9 * HOUR else at for at in usual]
    played, before = (
        replay(times, Learned(budget=2.0), FREE, low, work=90.0, until=times[-1] + 60.0) for times in (moved, usual)
    )
    assert played.missed == before.missed + 1
    assert played.waited == before.waited + 1, "only the one that came in the evening"
