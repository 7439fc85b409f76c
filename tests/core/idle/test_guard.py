"""Idle limit of a guard by a policy: a plain number that is never above the limit without an agent."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest

from ert_deploy.core.idle.guard import Choice, differs, idle_limit, least_of, policy_of
from ert_deploy.core.idle.hours import Window
from ert_deploy.core.idle.policy import BreakEven, Fixed, Learned, Past, Schedule
from ert_deploy.core.idle.prices import Prices
from ert_deploy.core.idle.thresholds import break_even

MONDAY, HOUR, EVEN = 4 * 86_400.0, 3600.0, math.nan
DAYTIME = (Window(frozenset(range(5)), 8 * HOUR, 18 * HOUR),)
PRICES = Prices(gpu=0.4, disk=0.012, fetch=0.07, refused=60.0, wait_price=0.05)


def test_only_a_policy_of_an_agent_has_a_say() -> None:
    assert [policy_of(choice, DAYTIME) for choice in Choice] == [None, BreakEven(), Learned(), Schedule(DAYTIME)]


@pytest.mark.parametrize(
    ("hour", "limit"), [(8.0, 10 * HOUR), (17.0, HOUR), (17.99, EVEN), (18.0, EVEN), (3.0, EVEN), (24 + 8.0, 10 * HOUR)]
)
def test_in_a_window_it_runs_until_the_end_of_it_and_outside_by_break_even(hour: float, limit: float) -> None:
    prices = replace(PRICES, wait_price=0.0)
    found = idle_limit(Schedule(DAYTIME), prices, Past(), MONDAY + hour * HOUR, 0)
    assert found == (round(break_even(prices).stop / 60) * 60 if limit is EVEN else limit)
    assert idle_limit(Schedule(DAYTIME), prices, Past(), MONDAY + hour * HOUR, 1200) <= 1200


def test_the_limit_is_the_break_even_in_whole_minutes() -> None:
    limit = idle_limit(BreakEven(), PRICES, Past(), 0.0, 0)
    assert limit % 60 == 0
    assert abs(limit - break_even(PRICES).stop) <= 30
    assert idle_limit(Learned(), PRICES, Past(), 0.0, 0) == limit  # without a past it goes by break-even


def test_it_is_never_above_the_limit_without_an_agent_and_at_least_a_minute() -> None:
    dice = random.Random(7)
    for _ in range(300):
        prices = Prices(gpu=dice.uniform(0.05, 4), disk=0.01, fetch=0.1, wait_price=dice.choice((0.0, 0.01, 0.05, 1.0)))
        past = Past()
        for at in range(dice.randrange(30)):
            past.add_gap(at * 3600.0, dice.expovariate(1 / 900))
        most = dice.choice((0, 60, 300, 1200, 86_400))
        policy = dice.choice((BreakEven(), Learned(), Fixed(dice.choice((5.0, 90.0, 1e6, math.inf)))))
        limit = idle_limit(policy, prices, past, 200_000.0, most)
        assert limit <= most or most == 0
        assert limit >= 60 or policy == Fixed(math.inf)


@pytest.mark.parametrize(
    ("stop", "most", "limit"), [(math.inf, 0, 0), (math.inf, 1200, 1200), (1.0, 1200, 60), (1.0, 30, 30)]
)
def test_a_policy_that_never_stops_or_stops_at_once(stop: float, most: int, limit: int) -> None:
    assert idle_limit(Fixed(stop), PRICES, Past(), 0.0, most) == limit


def test_idle_times_that_were_short_make_a_learned_limit_longer_and_long_ones_shorter() -> None:
    even = break_even(PRICES).stop
    found = {}
    for name, length in (("before break-even", even * 1.2), ("long", even * 40)):
        past = Past()
        for at in range(60):
            past.add_gap(1e9 + at * 3600.0, length)
        found[name] = idle_limit(Learned(), PRICES, past, 1e9 + 60 * 3600.0, 0)
    assert found["long"] < even < found["before break-even"]


def test_limits_that_are_not_known_or_none_do_not_count() -> None:
    assert least_of(1200, 600) == least_of(600, None) == least_of(0, 600) == 600
    assert least_of(0, None) == 0


@pytest.mark.parametrize(
    ("now", "wanted", "sent"),
    [
        (1200, 1200, False),
        (1200, 1100, False),
        (1200, 1060, True),
        (600, 720, True),
        (0, 600, True),
        (600, 0, True),
        (0, 0, False),
    ],
)
def test_a_guard_keeps_what_is_near(now: int, wanted: int, sent: bool) -> None:
    assert differs(now, wanted) is sent
