"""Early starts, worked by hand: which time is chosen, for how long it waits, and its expected $ unused."""

from __future__ import annotations

import pytest

from ert_deploy.core.idle.hours import DAY, WEEK
from ert_deploy.core.idle.prewarm import Off, Warm, prewarm
from ert_deploy.core.idle.prices import HOUR, Prices, Taken

MONDAY = 18 * WEEK + 4 * DAY
FRIDAY = MONDAY + 4 * DAY
GONE = Off(0.0, 1.0)  # a start takes 12 minutes and costs $0.30
AT = 9 * HOUR
BEGIN = 720.0  # s before
# $1/h. A saved wait of 12 minutes counts $2 here, and $0.60 with `patient`.
PRICES = Prices(gpu=1.0, disk=0.01, kept=360.0, anew=720.0, refused=180.0, fetch=0.1, wait_price=1 / 6, taken=Taken(0))
PATIENT = Prices(gpu=1.0, disk=0.01, kept=360.0, anew=720.0, refused=180.0, fetch=0.1, wait_price=0.05, taken=Taken(0))
FOUR = [MONDAY + day * DAY + AT for day in range(4)]


def found(arrivals: list[float], *, now: float = FRIDAY, prices: Prices = PRICES, budget: float = 0.5) -> Warm | None:
    return prewarm(prices, GONE, sorted(arrivals), now, budget=budget, missed=0)


def check_nine(warm: Warm | None, hold: float, expected: float) -> None:
    assert warm is not None
    assert (warm.begin, warm.ready, warm.hold) == (FRIDAY + AT - BEGIN, FRIDAY + AT, hold)
    assert warm.expected == pytest.approx(expected)


def test_four_days_alike_start_it_at_their_hour() -> None:
    """Only the imagined day is unused: half an hour of 1 + 4 x 0.4."""
    check_nine(found(FOUR), 1800.0, 0.5 / 2.6)
    assert found(FOUR[2:]) is None, "three of the same kind are too few"


@pytest.mark.parametrize(
    ("minutes", "hold", "expected"), [(30, 1800.0, 0.5 + 0.4 * 0.5), (40, 3600.0, 1.0 + 0.4 * 2 / 3)]
)
def test_it_waits_for_longer_where_that_saves_another_wait(minutes: int, hold: float, expected: float) -> None:
    check_nine(found([*FOUR[:3], FOUR[3] + minutes * 60]), hold, expected / 2.6)


def test_a_day_on_which_it_waits_in_vain_costs_the_wait_and_the_start() -> None:
    """One of five mornings has its request in the evening; with a less costly wait that is too much."""
    arrivals = [*FOUR, FOUR[3] - WEEK, FOUR[0] - WEEK + 8 * HOUR]
    assert found(arrivals, now=FRIDAY) is not None
    assert found([*FOUR[:3], FOUR[3] + 8 * HOUR], prices=PATIENT) is None


def test_a_gain_of_cents_is_enough() -> None:
    check_nine(found(FOUR, prices=PATIENT), 1800.0, 0.5 / 2.6)


def test_a_request_half_an_hour_before_had_not_kept_it_running() -> None:
    check_nine(found([FOUR[0] - 1800, *FOUR], prices=PATIENT), 1800.0, 0.5 / 2.6)
    assert found([FOUR[0] - 1200, *FOUR], prices=PATIENT) is None, "nothing was to be gained on that Monday"


def test_of_two_equal_gains_the_earlier_one_is_taken() -> None:
    warm = found([at - early for at in FOUR for early in (0, 1800)])
    assert warm is not None
    assert warm.ready == FRIDAY + AT - 1800


def test_the_budget_may_be_used_up_by_it() -> None:
    warm = found(FOUR)
    assert warm is not None
    assert found(FOUR, budget=warm.expected) == warm
    tighter = found(FOUR, budget=warm.expected - 0.01)
    assert tighter is not None
    assert tighter.ready == FRIDAY + 3 * DAY + AT, "a Monday counts for more, so that less of it is unused"
    assert found(FOUR, budget=0.0) is None
    assert found([]) is None


def test_the_next_quarter_of_an_hour_is_considered_if_there_is_time_for_the_start() -> None:
    check_nine(found(FOUR, now=FRIDAY + AT - 900), 1800.0, 0.5 / 2.6)
    check_nine(found(FOUR, now=FRIDAY + AT - BEGIN), 1800.0, 0.5 / 2.6)
    later = found(FOUR, now=FRIDAY + AT - BEGIN + 1)
    assert later is not None
    assert later.ready >= FRIDAY + 3 * DAY


def test_the_day_before_the_first_request_counts_as_one_without() -> None:
    """From Tuesday to Friday, for the next Monday: at nine there is a Monday without a request, at 8:45 none."""
    warm = found([at + DAY for at in FOUR], now=FRIDAY + 3 * DAY)
    assert warm is not None
    assert warm.ready == FRIDAY + 3 * DAY + AT - 900
    assert warm.expected == pytest.approx((0.5 + 1.6 * 0.25) / 2.6)


def test_days_of_four_weeks_count_and_the_same_weekday_for_more() -> None:
    """Requests on the Tuesdays of a week and of four weeks ago: two Tuesdays and twelve others had none."""
    tuesday = MONDAY + 4 * WEEK + DAY
    dear = Prices(gpu=1.0, disk=0.01, kept=360.0, anew=720.0, refused=180.0, fetch=0.1, wait_price=9.0, taken=Taken(0))
    warm = found([tuesday + AT - 4 * WEEK, tuesday + AT - WEEK], now=tuesday + 600, prices=dear, budget=9.0)
    assert warm is not None
    assert (warm.ready, warm.hold) == (tuesday + AT, 1800.0)
    assert warm.expected == pytest.approx((0.5 + 2 * 0.5 + 12 * 0.4 * 0.5) / (4 + 12 * 0.4 + 1))


def test_the_start_of_a_stopped_machine_has_time_for_another_one_if_its_gpu_is_likely_taken() -> None:
    off, sure = Off(100.0, 1e6), 1e-9
    assert off.asleep(103.0) == 3.0
    for share, lead in ((0.2, 360.0), (0.25, 900.0)):
        prices = Prices(gpu=1.0, kept=360.0, anew=720.0, refused=180.0, fetch=0.1, taken=Taken(share, sure))
        assert off.lead(prices, 500.0) == lead
        assert off.boot(prices, 500.0) == pytest.approx((1 - share) * 0.1 + share * 0.3)


@pytest.mark.parametrize(("most", "hold"), [(1200.0, 1200.0), (1800.0, 1800.0), (86_400.0, 1800.0)])
def test_it_waits_no_longer_than_the_guard_allows(most: float, hold: float) -> None:
    warm = prewarm(PRICES, GONE, FOUR, FRIDAY, budget=0.5, missed=0, most=most)
    assert warm is not None
    assert warm.hold == hold
