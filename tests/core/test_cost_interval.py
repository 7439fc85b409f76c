"""Range of the cost: the narrowest with that many of the runs, of at most a factor, and with the error of the draws."""

from __future__ import annotations

import math
import statistics

import pytest

from ert_deploy.core.launching.interval import Interval, narrowest, scattered


def test_it_is_where_the_runs_are_close_together() -> None:
    costs = [1.0, 2.0, 2.1, 2.2, 2.3, 4.0]
    assert narrowest(costs, 0.6, 3.0) == Interval(2.0, 2.3, 4 / 6)
    assert narrowest(costs, 0.8, 3.0) == Interval(2.0, 4.0, 5 / 6)
    assert narrowest(costs, 1.0, 4.0) == Interval(1.0, 4.0, 1.0)


def test_no_range_is_wider_than_the_limit_and_it_says_how_many_it_holds() -> None:
    costs = [1.0, 2.0, 2.1, 2.2, 2.3, 4.0]
    assert narrowest(costs, 1.0, 3.0) == Interval(2.0, 4.0, 5 / 6)
    assert narrowest(costs, 1.0, 1.06) == Interval(2.2, 2.3, 2 / 6)
    assert narrowest([1.0, 5.0], 1.0, 3.0) == Interval(1.0, 1.0, 0.5)


def test_one_cost_is_its_own_range() -> None:
    assert narrowest([0.3], 0.9, 3.0) == Interval(0.3, 0.3, 1.0)


def test_an_error_as_large_as_the_spread_widens_it_by_the_root_of_two() -> None:
    drawn = [math.exp(0.1 * number) for number in range(-20, 21)]
    before, after = (statistics.pstdev(map(math.log, one)) for one in (drawn, scattered(drawn, 1.0, 0.0)))
    assert after / before == pytest.approx(math.sqrt(2.0), rel=0.05)
    assert list(scattered(drawn, 1.0, 0.0)) == sorted(scattered(drawn, 1.0, 0.0))


def test_dearer_by_a_part_of_the_spread() -> None:
    drawn = [math.exp(0.1 * number) for number in range(-20, 21)]
    by = statistics.fmean(map(math.log, scattered(drawn, 0.5, 0.2))) - statistics.fmean(map(math.log, drawn))
    assert by == pytest.approx(0.2 * statistics.pstdev(map(math.log, drawn)))
    assert scattered([0.3, 0.3], 1.0, 0.5) == pytest.approx((0.3,) * 14)
