"""Recommendation for an unused machine: what the events of a state show, and which numbers follow from it."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import pytest

from ert_deploy.core.idle.advice import EARLY, EVEN, FEWEST, NOW, PLAIN, advise, too_little
from ert_deploy.core.idle.history import Uses, uses
from ert_deploy.core.idle.hours import DAY, weekday
from ert_deploy.core.idle.learned import Gap
from ert_deploy.core.idle.policy import Learned, Numbers, Past, decide
from ert_deploy.core.idle.prices import HOUR, Prices, Taken
from ert_deploy.core.idle.thresholds import break_even
from ert_deploy.core.model.log.happened import Happened

MONDAY = 18 * 7 * DAY + 4 * DAY


def at(seconds: float, what: str, instance: str = "5", cost: float = 0.0) -> Happened:
    return Happened(MONDAY + seconds, what, instance, cost=cost)


def test_a_rental_and_each_start_after_a_stop_are_times_at_which_it_was_wanted() -> None:
    found = uses(
        [
            at(0, "rented"), at(700, "ready", cost=0.07), at(710, "published"), at(900, "deployed", ""),
            at(5000, "stopped"), at(9000, "started"), at(9160, "proven", ""), at(9170, "proven", ""),
            at(90000, "started"), at(90140, "published"),
        ]
    )  # fmt: skip
    assert [one - MONDAY for one in found.wanted] == [0, 9000, 90000]
    assert list(found.anew) == [700]
    assert list(found.kept) == [160, 140]
    assert (found.starts, found.refused) == (2, 0)
    assert found.hourly == pytest.approx(0.07 * 3600 / 700)
    assert found.days == pytest.approx(90000 / DAY)


def test_another_machine_after_a_refused_start_is_the_same_request() -> None:
    found = uses(
        [
            at(0, "rented"), at(600, "ready"), at(4000, "started"), at(4060, "stranded"), at(4070, "rented", "6"),
            at(4080, "destroying"), at(4700, "ready", "6"), at(4800, "destroyed"),
            at(4900, "rented", "7"), at(5500, "ready", "7"), at(5600, "destroying", "6"),
        ]
    )  # fmt: skip
    assert [one - MONDAY for one in found.wanted] == [0, 4000], "7 replaces 6 while it serves"
    assert (found.starts, found.refused) == (1, 1)
    assert list(found.anew) == [600, 630, 600]
    assert not found.kept


def test_after_everything_is_gone_a_rental_is_wanted_again() -> None:
    found = uses([at(0, "rented"), at(600, "ready"), at(900, "destroying"), at(950, "destroyed"), at(9000, "rented")])
    assert [one - MONDAY for one in found.wanted] == [0, 9000]


def test_a_start_that_took_hours_and_an_event_without_a_clock_are_left_out() -> None:
    found = uses([Happened(-5.0, "rented", "5"), at(0, "started"), at(9000, "proven", ""), at(9100, "keys")])
    assert not found.kept
    assert len(found.wanted) == 1
    assert found.hourly is None
    assert uses([]).days == 0.0


def test_a_price_is_only_known_of_a_machine_that_has_existed_for_a_time() -> None:
    assert uses([at(0, "rented", cost=0.5)]).hourly is None
    assert uses([Happened(0.0, "rented", "5"), at(0, "started")]).wanted == (MONDAY,)


def test_what_was_measured_takes_the_place_of_what_is_assumed() -> None:
    assert Uses().priced(Prices()) == Prices()
    measured = Uses(kept=(100.0, 300.0, 200.0), anew=(900.0,), starts=6, refused=0, hourly=0.3).priced(Prices())
    assert (measured.kept, measured.anew, measured.gpu) == (200.0, 900.0, 0.3)
    assert measured.taken.limit == pytest.approx(4 * 0.8 / 10)
    assert Uses(starts=6, refused=6).priced(Prices()).taken.limit > 0.9
    odd = Uses(kept=(800.0,), anew=(400.0,)).priced(Prices())
    assert (odd.kept, odd.anew) == (400.0, 800.0)


@pytest.mark.parametrize("wanted", [[], [0.0] * FEWEST, [DAY * n for n in range(FEWEST - 1)]])
def test_too_little_is_no_ground_for_advice(wanted: list[float]) -> None:
    assert "advice needs 8 in 3" in too_little(wanted)
    with pytest.raises(ValueError, match="advice needs"):
        advise(wanted, Prices(), idle_stop=1200.0)


def test_eight_requests_in_three_days_are_enough() -> None:
    assert too_little([0.0] * (FEWEST - 1) + [3 * DAY]) == ""
    assert too_little([]).startswith("0 requests in 0.0 days")
    assert too_little([DAY + n * DAY for n in range(FEWEST - 1)]).startswith("7 requests in 6.0 days")


def office(weeks: int) -> list[float]:
    return [
        MONDAY + day * DAY + hour * HOUR for day in range(7 * weeks) if day % 7 < 5 for hour in (9.0, 11.0, 13.5, 16.0)
    ]


def test_a_time_out_of_hours_is_advised_against_where_requests_are_hours_apart() -> None:
    found = advise(office(3), Prices(), idle_stop=6 * HOUR)
    names = [row.name for row in found.rows]
    assert names == [NOW, EVEN, PLAIN]
    assert found.chosen.total == min(row.total for row in found.rows) < 0.6 * found.rows[0].total
    assert found.idle_stop % 60 == 0
    assert found.idle_stop < 2 * HOUR
    assert found.requests == 60


def test_starts_in_advance_are_advised_where_each_day_begins_alike() -> None:
    found = advise(office(4), Prices(), idle_stop=1200.0, budget=2.0)
    assert found.chosen.name == EARLY
    warm = found.chosen.numbers.warm
    assert warm is not None
    assert weekday(warm.ready) == 0, "after the last request, on a Friday"
    assert found.rows[-1].waited < found.rows[0].waited


def test_what_is_set_stays_unless_something_else_is_clearly_cheaper() -> None:
    often = [MONDAY + 900.0 * number for number in range(800)]
    found = advise(often, Prices(), idle_stop=1200.0)
    assert found.chosen.name == NOW
    assert found.idle_stop == 1200
    assert found.rows[0].total == pytest.approx(found.rows[1].total)


def test_an_earlier_stop_is_not_judged_where_requests_in_that_time_are_not_known() -> None:
    found = advise(office(3), Prices(), idle_stop=6 * HOUR, floor=6 * HOUR)
    assert min(row.numbers.idle_stop for row in found.rows) >= 6 * HOUR
    assert found.idle_stop == 6 * HOUR


def test_a_machine_that_never_stops_is_compared_too() -> None:
    dense = [MONDAY + 600.0 * number for number in range(800)]
    found = advise(dense, Prices(), idle_stop=0.0)
    assert found.rows[0].numbers.idle_stop == math.inf
    assert found.chosen.name == NOW
    assert found.idle_stop == 0


def test_requests_at_one_time_are_no_idle_time() -> None:
    double = sorted([*office(2), *office(2)])
    assert advise(double, Prices(), idle_stop=1200.0).requests == 80


FREE = Prices(taken=Taken(0.0))


def test_each_row_has_what_a_day_of_these_requests_costs_and_what_it_sets_at_the_end() -> None:
    """Twenty requests in a week: the first one rents a machine, each of the others starts it again after ten minutes.

    The policies decide at the end by the idle times between two requests, without the 90 s of the work itself.
    """
    wanted = office(1)
    found = advise(wanted, FREE, idle_stop=600.0, budget=0.5)
    row, days = found.rows[0], (4 * 24 + 7) / 24
    assert [one.name for one in found.rows] == [NOW, EVEN, PLAIN, EARLY]
    assert found.days == pytest.approx(days)
    minutes = 10 + 19 * 2.5
    waiting = 19 * 600.0 + 600.0 + 19 * 150.0
    asleep = (wanted[-1] - wanted[0]) - (600.0 + 19 * (90.0 + 600.0) + 18 * 150.0)
    billed = FREE.run(waiting) + FREE.fetch + FREE.keep(asleep)
    assert row.minutes == pytest.approx(minutes / days)
    assert row.billed == pytest.approx(billed / days, rel=1e-3)
    assert row.total == pytest.approx((billed + 0.05 * minutes) / days, rel=1e-3)
    gaps = [Gap(one + 90.0, other - one - 90.0) for one, other in pairwise(wanted)]
    for one, budget in zip(found.rows[2:], (0.0, 0.5), strict=True):
        assert one.numbers == decide(Learned(budget=budget), FREE, Past(list(wanted), gaps), wanted[-1])


def test_requests_while_it_still_works_leave_no_idle_time() -> None:
    wanted = sorted(at + late for at in office(2) for late in (0.0, 60.0))
    found = advise(wanted, FREE, idle_stop=600.0)
    gaps = [Gap(one + 90.0, other - one - 90.0) for one, other in pairwise(wanted) if other - one > 90.0]
    assert len(gaps) == 39
    assert found.rows[2].numbers == decide(Learned(), FREE, Past(list(wanted), gaps), wanted[-1])


def test_a_stop_just_before_the_next_request_is_not_advised_against_a_cheaper_one() -> None:
    """Break-even stops the machine a minute before each request: what is set keeps it running."""
    apart = break_even(FREE).stop + 90.0 + 60.0
    found = advise([MONDAY + number * apart for number in range(200)], FREE, idle_stop=2 * HOUR)
    assert found.rows[0].total < 0.8 * found.rows[1].total
    assert found.chosen.name in (NOW, PLAIN)


def test_half_of_the_gpus_are_taken_where_half_of_them_are() -> None:
    prices = Prices(taken=Taken(0.5, 1e-9))
    wanted = [MONDAY + number * 6 * HOUR for number in range(201)]
    row = advise(wanted, prices, idle_stop=600.0).rows[0]
    waits = row.minutes * 50 - 10
    assert waits == pytest.approx(200 * (0.5 * 2.5 + 0.5 * 11.0), rel=0.02)


def test_the_advised_stop_is_at_least_a_minute() -> None:
    found = advise(office(1), FREE, idle_stop=20.0)
    assert replace(found, chosen=found.rows[0]).idle_stop == 60
    assert replace(found, chosen=replace(found.rows[0], numbers=Numbers(100.0, 0.0))).idle_stop == 120
