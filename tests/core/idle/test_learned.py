"""Learned thresholds: against the cost of every choice by the definition, for random pasts; prices at their edges."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest

from ert_deploy.core.idle.hours import DAY, WEEK, Window
from ert_deploy.core.idle.learned import BETTER, CHOICES, Gap, learned
from ert_deploy.core.idle.policy import Learned, Past, Schedule, decide
from ert_deploy.core.idle.prices import HOUR, Prices, Taken
from ert_deploy.core.idle.thresholds import Thresholds, break_even, clamped

MONDAY = 18 * WEEK + 4 * DAY
FREE = Prices(taken=Taken(0.0))
SECONDS = Prices(
    gpu=3600.0, disk=36.0, kept=10.0, anew=50.0, refused=20.0, fetch=7.0, wait_price=60.0, taken=Taken(0.25, 1e-9)
)


def counts(gap: Gap, now: float) -> float:
    """What an idle time counts: by its age in fortnights, the hours between the times of day, and the kind of day."""
    apart = min((gap.began - now) % DAY, (now - gap.began) % DAY) / HOUR
    weekends = [int(at // DAY + 3) % 7 >= 5 for at in (gap.began, now)]
    kind = 1.0 if weekends[0] == weekends[1] else 0.25
    return (
        (0.1 + 0.9 * math.exp(-((apart / 1.5) ** 2) / 2)) * kind * math.pow(0.5, max(now - gap.began, 0.0) / (14 * DAY))
    )


def expected(prices: Prices, past: list[Gap], now: float, trust: float, one: Thresholds) -> float:
    """The $ of a choice: of the idle times longer than any choice stops it in, and of 6 that are as long as usual."""
    least = break_even(prices).stop * trust
    own = sum(counts(gap, now) * one.cost(prices, gap.length) for gap in past if gap.length > least)
    return own + sum(6 / 40 * one.cost(prices, least * 40 / (number + 0.5)) for number in range(40))


@pytest.mark.parametrize("seed", range(25))
def test_the_cheapest_choice_is_taken_unless_break_even_is_about_as_cheap(seed: int) -> None:
    chance = random.Random(seed)
    prices = Prices(taken=Taken(chance.choice([0.0, 0.3]), 4 * HOUR))
    now, base = MONDAY + chance.uniform(0.0, WEEK), break_even(prices)
    past = sorted(
        (
            Gap(now - chance.uniform(-HOUR, 28 * DAY), base.stop * math.exp(chance.uniform(-1.0, 6.0)))
            for _ in range(chance.randint(1, 60))
        ),
        key=lambda gap: gap.began,
    )
    trust = chance.choice([0.25, 0.5])
    steps = [trust ** (step / CHOICES) for step in range(-CHOICES, CHOICES + 1)]
    every = [clamped(prices, Thresholds(base.stop * a, base.destroy * b), trust) for a in steps for b in steps]
    lowest = min(expected(prices, past, now, trust, one) for one in every)
    chosen = learned(prices, past, now, trust)
    cost = expected(prices, past, now, trust, chosen)
    assert cost <= lowest * (1 + 1e-9) or (chosen == base and lowest >= BETTER * cost * (1 - 1e-9))
    assert chosen == base or cost < BETTER * expected(prices, past, now, trust, base)


def test_a_start_after_a_sleep_costs_what_both_of_its_ends_do() -> None:
    """One in four GPUs is taken: then 20 s are lost and another machine starts."""
    assert [SECONDS.restart, SECONDS.renewal] == pytest.approx([20.0, 107.0])
    assert SECONDS.wake(60.0) == pytest.approx(0.75 * 20.0 + 0.25 * 127.0)
    assert SECONDS.delay(60.0) == pytest.approx(0.75 * 10.0 + 0.25 * 70.0)
    assert SECONDS.delay(None) == 50.0


def test_an_idle_time_that_ends_at_a_threshold_ends_before_it() -> None:
    one = Thresholds(30.0, 90.0)
    assert one.cost(SECONDS, 30.0) == pytest.approx(30.0)
    assert one.cost(SECONDS, 90.0) == pytest.approx(30.0 + 0.6 + SECONDS.wake(60.0))
    assert one.cost(SECONDS, 91.0) == pytest.approx(30.0 + 0.6 + 107.0)


def test_a_disk_may_be_given_up_early_if_the_machine_was_not_stopped_late() -> None:
    base = break_even(FREE)
    assert clamped(FREE, Thresholds(base.stop, 0.0), 0.5).destroy == pytest.approx(base.destroy / 2)
    assert clamped(FREE, Thresholds(base.stop * 1.01, 0.0), 0.5).destroy == pytest.approx(base.destroy)


@pytest.mark.parametrize(
    "prices",
    [
        lambda: Prices(anew=150.0), lambda: Prices(kept=0.0, anew=0.5), lambda: Prices(gpu=0.5),
        lambda: Prices(taken=Taken(1.0, 0.5)), lambda: Prices(disk=0.0, refused=0.0, fetch=0.0, wait_price=0.0),
    ],
)  # fmt: skip
def test_prices_at_the_edge_are_accepted(prices: Callable[[], Prices]) -> None:
    assert prices() != Prices()


@pytest.mark.parametrize(
    "prices",
    [lambda: Prices(kept=0.0, anew=0.0), lambda: Prices(anew=149.0), lambda: Prices(taken=Taken(0.5, 0.0))],
)
def test_prices_beyond_it_are_not(prices: Callable[[], Prices]) -> None:
    with pytest.raises(ValueError, match=r"another machine|no price"):
        prices()


def test_a_window_may_be_open_all_week() -> None:
    window = Window(frozenset(range(7)), 0.0, DAY)
    assert window.left(MONDAY) == DAY
    assert window.until_next(MONDAY) == DAY


# What is decided of an early start


def mornings(days: int) -> list[float]:
    return [MONDAY + day * DAY + 9 * HOUR for day in range(days) if day % 7 < 5]


def test_a_stopped_machine_with_its_disk_is_started_as_late_as_that_allows() -> None:
    numbers = decide(Learned(budget=2.0), FREE, Past(arrivals=mornings(11)), MONDAY + 10 * DAY + 9.5 * HOUR)
    assert numbers.warm is not None
    assert numbers.warm.ready == MONDAY + 11 * DAY + 9 * HOUR
    assert numbers.warm.begin == numbers.warm.ready - FREE.kept


def test_nothing_is_started_in_advance_while_the_machine_still_runs() -> None:
    now = MONDAY + 11 * DAY + 8 * HOUR + 40 * 60.0
    numbers = decide(Learned(budget=2.0), FREE, Past(arrivals=mornings(11)), now)
    assert now + numbers.idle_stop > MONDAY + 11 * DAY + 9 * HOUR
    assert numbers.warm is not None
    assert numbers.warm.ready == MONDAY + 14 * DAY + 9 * HOUR


def test_a_day_later_the_budget_is_there_again_and_a_start_with_its_request_is_not_missed() -> None:
    past = Past(arrivals=[5.0], unused=[(5.0, 1.0)])
    assert past.missed() == 0
    assert past.spent(5.0 + DAY) == 0.0
    assert past.spent(4.0 + DAY) == 1.0


def test_a_schedule_does_not_start_what_still_runs_and_expects_nothing_unused() -> None:
    base, now = break_even(FREE), MONDAY + 9 * HOUR - 60.0
    numbers = decide(Schedule((Window(frozenset({0}), 9 * HOUR, 18 * HOUR),)), FREE, Past(), now)
    assert (numbers.idle_stop, numbers.destroy_after) == (base.stop, base.destroy - base.stop)
    assert numbers.warm is not None
    assert (numbers.warm.begin, numbers.warm.expected) == (now + base.stop, 0.0)


@pytest.mark.parametrize(("seconds", "lead"), [(1.0, FREE.kept), (-1.0, FREE.anew)])
def test_a_schedule_starts_it_earlier_if_its_disk_is_gone_by_then(seconds: float, lead: float) -> None:
    opens = MONDAY + 7 * DAY + 9 * HOUR
    now = opens - break_even(FREE).destroy + seconds
    warm = decide(Schedule((Window(frozenset({0}), 9 * HOUR, 18 * HOUR),)), FREE, Past(), now).warm
    assert warm is not None
    assert [warm.ready, warm.begin] == pytest.approx([opens, opens - lead])
