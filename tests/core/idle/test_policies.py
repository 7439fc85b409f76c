"""Idle policies: their numbers, hours of the week, early starts within a limit, and what a replay bills."""

from __future__ import annotations

import math
import random

import pytest

from ert_deploy.core.idle.hours import DAY, WEEK, Window, left, next_window, time_of_day, weekday
from ert_deploy.core.idle.learned import MOST_GAPS, Gap, learned
from ert_deploy.core.idle.policy import BreakEven, Fixed, Learned, Numbers, Past, Policy, Schedule, decide, least_stop
from ert_deploy.core.idle.prewarm import Off
from ert_deploy.core.idle.prices import HOUR, Prices, Taken
from ert_deploy.core.idle.replay import replay
from ert_deploy.core.idle.thresholds import break_even

MONDAY = 4 * DAY  # 1970-01-05
PRICES = Prices()
FREE = Prices(taken=Taken(0.0))
OFFICE = Schedule((Window(frozenset(range(5)), 9 * HOUR, 18 * HOUR),))


def never(number: int) -> float:
    """The GPU is always free."""
    return 1.0


def every_working_day(weeks: int, hour: float = 9.0) -> list[float]:
    return [MONDAY + day * DAY + hour * HOUR for day in range(7 * weeks) if day % 7 < 5]


def test_the_day_and_hour_of_a_moment() -> None:
    assert [weekday(MONDAY + day * DAY) for day in range(8)] == [0, 1, 2, 3, 4, 5, 6, 0]
    assert time_of_day(MONDAY + 3 * DAY + 5.0) == 5.0


def test_a_window_says_how_long_it_is_open_and_when_the_next_one_begins() -> None:
    (window,) = OFFICE.windows
    assert window.left(MONDAY + 10 * HOUR) == 8 * HOUR
    assert window.left(MONDAY + 18 * HOUR) == window.left(MONDAY + 5 * DAY + 10 * HOUR) == 0.0
    assert window.until_next(MONDAY + 4 * DAY + 9 * HOUR) == 3 * DAY, "a window that begins now is not the next one"
    late = Window(frozenset({6}), 20 * HOUR, DAY)
    assert left((window, late), MONDAY + 6 * DAY + 23 * HOUR) == HOUR
    assert left((), MONDAY) == 0.0
    assert next_window((late, window), MONDAY) == (MONDAY + 9 * HOUR, 9 * HOUR)
    with pytest.raises(ValueError, match="has no window"):
        next_window((), MONDAY)


@pytest.mark.parametrize(
    ("days", "begin", "end"), [((), 0.0, 1.0), ((7,), 0.0, 1.0), ((0,), 2.0, 1.0), ((0,), 0.0, DAY + 1)]
)
def test_a_window_that_is_never_open_is_refused(days: tuple[int, ...], begin: float, end: float) -> None:
    with pytest.raises(ValueError, match="not a window of a week"):
        Window(frozenset(days), begin, end)


def test_without_a_past_the_learned_policy_is_break_even() -> None:
    base = break_even(PRICES)
    numbers = Numbers(base.stop, base.destroy - base.stop)
    assert decide(BreakEven(), PRICES, Past(), MONDAY) == numbers
    for trust in (0.25, 0.5, 1.0):
        assert decide(Learned(trust), PRICES, Past(), MONDAY) == numbers
    assert decide(Fixed(60.0), PRICES, Past(), MONDAY) == Numbers(60.0, math.inf)


def test_short_idle_times_keep_it_running_and_long_ones_stop_it_early() -> None:
    base = break_even(FREE)
    short = [Gap(MONDAY + n * HOUR, 1.3 * base.stop) for n in range(60)]
    long = [Gap(MONDAY + n * HOUR, 20 * base.destroy) for n in range(60)]
    assert learned(FREE, short, MONDAY + 3 * DAY, 0.5).stop > 1.3 * base.stop
    assert learned(FREE, long, MONDAY + 3 * DAY, 0.5).stop == pytest.approx(base.stop / 2)
    assert learned(FREE, long, MONDAY + 3 * DAY, 0.5).destroy < base.destroy
    assert learned(FREE, long, MONDAY + 3 * DAY, 1.0) == break_even(FREE)


def test_idle_times_count_by_their_hour_and_by_the_kind_of_day() -> None:
    """Idle times of 26 minutes at noon and of a night in the evening: the machine stops earlier in the evening."""
    base = break_even(FREE)
    days = [MONDAY + day * DAY for day in range(21) if day % 7 < 5]
    past = [Gap(day + hour * HOUR, n) for day in days for hour, n in ((12.0, 1.2 * base.stop), (18.0, 50_000.0))]
    noon, evening = (learned(FREE, past, MONDAY + 21 * DAY + hour * HOUR, 0.5).stop for hour in (12.0, 18.0))
    assert noon > base.stop > evening
    weekend = [Gap(MONDAY + (5 + 7 * n) * DAY + 12 * HOUR, 50_000.0) for n in range(3)]
    assert learned(FREE, [*past, *weekend], MONDAY + 21 * DAY + 12 * HOUR, 0.5).stop > base.stop


def test_the_past_is_bounded() -> None:
    past = Past()
    for number in range(MOST_GAPS + 5):
        past.add_gap(float(number), 1.0)
        past.add_unused(float(number), 1.0)
    assert len(past.gaps) == len(past.unused) == MOST_GAPS
    assert past.gaps[0].began == 5.0


def test_the_least_stop_is_the_earliest_that_is_ever_decided() -> None:
    base = break_even(PRICES)
    assert least_stop(Learned(0.25), PRICES) == pytest.approx(base.stop / 4)
    assert least_stop(BreakEven(), PRICES) == least_stop(OFFICE, PRICES) == base.stop
    assert least_stop(Fixed(7.0), PRICES) == 7.0


def night(past: Past, budget: float, *, at: float) -> Numbers:
    return decide(Learned(budget=budget), PRICES, past, at)


def test_a_machine_is_started_before_the_hour_at_which_it_is_used_on_such_days() -> None:
    past = Past(arrivals=every_working_day(2))
    friday = MONDAY + 11 * DAY + 9 * HOUR
    warm = night(past, 2.0, at=friday + 60.0).warm
    assert warm is not None
    assert weekday(warm.ready) == 0, "not at the weekend"
    assert 9 * HOUR - 1800.0 <= time_of_day(warm.ready) <= 9 * HOUR
    assert warm.begin + PRICES.anew <= warm.ready
    assert 0.0 < warm.expected < 0.2


@pytest.mark.parametrize(
    ("past", "budget"),
    [
        (Past(), 2.0),
        (Past(arrivals=every_working_day(2)), 0.0),
        (Past(arrivals=every_working_day(2)), 0.01),
        (Past(arrivals=every_working_day(1)[:1]), 2.0),
        (Past(arrivals=[MONDAY + d * DAY + (d * 7.3 % 24) * HOUR for d in range(0, 28, 9)]), 2.0),
    ],
)
def test_it_is_not_started_without_budget_or_evidence(past: Past, budget: float) -> None:
    assert night(past, budget, at=MONDAY + 28 * DAY).warm is None


def test_what_starts_in_advance_cost_unused_is_taken_from_the_budget_of_the_day() -> None:
    past = Past(arrivals=every_working_day(2))
    friday = MONDAY + 11 * DAY + 9 * HOUR
    past.unused = [(friday - 2 * DAY, 5.0), (friday - HOUR, 1.99)]
    assert past.spent(friday) == pytest.approx(1.99)
    assert night(past, 2.0, at=friday + 60.0).warm is None
    assert night(past, 3.0, at=friday + 60.0).warm is not None


def test_after_starts_that_nobody_came_for_there_are_no_more_until_a_request() -> None:
    past = Past(arrivals=every_working_day(2))
    now = MONDAY + 14 * DAY + 12 * HOUR
    assert night(past, 2.0, at=now).warm is not None
    past.unused = [(now - 4 * HOUR, 0.1), (now - HOUR, 0.1)]
    assert past.missed() == 2
    assert night(past, 2.0, at=now).warm is None
    past.arrivals.append(now)
    assert past.missed() == 0


def test_a_machine_without_its_disk_is_started_earlier() -> None:
    off = Off(0.0, 10.0)
    assert off.asleep(5.0) == 5.0
    assert off.asleep(11.0) is None
    assert off.lead(PRICES, 11.0) == PRICES.anew
    assert off.lead(PRICES, 5.0) == PRICES.kept
    assert Off(0.0, DAY).lead(PRICES, DAY) == PRICES.refused + PRICES.anew
    assert off.boot(PRICES, 11.0) > off.boot(PRICES, 5.0)


def test_a_schedule_keeps_it_running_in_its_windows_and_starts_it_for_the_next() -> None:
    base = break_even(PRICES)
    inside = decide(OFFICE, PRICES, Past(), MONDAY + 10 * HOUR)
    assert inside.idle_stop == 8 * HOUR
    assert inside.warm is not None
    assert inside.warm.ready == MONDAY + DAY + 9 * HOUR
    outside = decide(OFFICE, PRICES, Past(), MONDAY + 4 * DAY + 20 * HOUR)
    assert outside.idle_stop == base.stop
    assert outside.warm is not None
    assert outside.warm.ready == MONDAY + WEEK + 9 * HOUR
    assert outside.warm.begin == outside.warm.ready - PRICES.anew


def test_a_replay_bills_what_each_state_costs() -> None:
    """Two requests in the first start, one on the running machine, one after a sleep, one after its end."""
    policy, hour = Fixed(600.0, HOUR), HOUR
    times = [0.0, 30.0, 1000.0, 1000.0 + 2 * hour / 3, 100_000.0]
    played = replay(times, policy, PRICES, never, work=90.0, until=101_000.0)
    assert (played.requests, played.waited, played.starts) == (5, 4, 3)
    assert played.minutes == pytest.approx((600 + 570 + 150 + 600) / 60)
    asleep = 2 * hour / 3 - 90 - 600
    first_idle = 1000.0 - 690.0
    tail = 101_000.0 - (100_000.0 + 600 + 90)
    assert played.idle == pytest.approx(PRICES.run(first_idle + 600 + 600 + tail))
    assert played.disk == pytest.approx(PRICES.keep(asleep + hour))
    assert played.boots == pytest.approx(PRICES.run(150.0) + 2 * (PRICES.run(600.0) + PRICES.fetch))
    assert played.money == pytest.approx(played.idle + played.disk + played.boots)
    assert played.total(0.05) == pytest.approx(played.money + 0.05 * played.minutes)
    assert played.cold == 4 / 5


def test_a_gpu_that_was_taken_costs_another_machine_and_the_time_to_notice() -> None:
    times = [0.0, 5 * HOUR]
    free = replay(times, Fixed(600.0), PRICES, never, work=90.0, until=6 * HOUR)
    lost = replay(times, Fixed(600.0), PRICES, lambda number: 0.0, work=90.0, until=6 * HOUR)
    assert lost.minutes - free.minutes == pytest.approx((PRICES.refused + PRICES.anew - PRICES.kept) / 60)
    assert lost.boots > free.boots


def test_only_what_is_after_a_moment_is_counted() -> None:
    times = every_working_day(3)
    until = MONDAY + 21 * DAY
    whole = replay(times, BreakEven(), PRICES, never, work=90.0, until=until)
    parts = replay(times, BreakEven(), PRICES, never, work=90.0, until=until, since=MONDAY + 14 * DAY)
    assert (whole.requests, parts.requests) == (15, 5)
    assert 0 < parts.money < whole.money / 2
    assert replay([], BreakEven(), PRICES, never, work=90.0, until=until).cold == 0.0


def test_a_start_in_advance_saves_the_wait_and_one_that_nobody_comes_for_is_counted() -> None:
    times, until = every_working_day(5), MONDAY + 40 * DAY
    plain = replay(times, Learned(), PRICES, never, work=90.0, until=until)
    early = replay(times, Learned(budget=2.0), PRICES, never, work=90.0, until=until)
    assert plain.waited == 25
    assert early.waited <= 8
    assert early.early >= 17
    assert 1 <= early.missed <= 4, "in the five working days without requests after the last one"
    assert early.total(0.05) < plain.total(0.05)


def test_without_an_agent_a_machine_keeps_the_numbers_of_its_last_start() -> None:
    """Requests within minutes, then one a day: with numbers of the last start it runs for longer after the last one."""
    times = [MONDAY + 2400.0 * number for number in range(40)] + [MONDAY + 3 * DAY]
    until = MONDAY + 4 * DAY
    renewed = replay(times, Learned(), FREE, never, work=90.0, until=until)
    kept = replay(times, Learned(), FREE, never, work=90.0, until=until, at_starts=True)
    assert kept.requests == renewed.requests == 41
    assert kept.idle != renewed.idle
    even, fixed = (
        replay(times, BreakEven(), FREE, never, work=90.0, until=until, at_starts=on) for on in (True, False)
    )
    assert even == fixed, "numbers that do not depend on the past"


def test_a_request_during_a_start_in_advance_waits_for_the_rest_of_it() -> None:
    """A minute before the machine is ready: it waits for that minute only."""
    times = [MONDAY + 9 * HOUR, MONDAY + DAY + 9 * HOUR - 60.0]
    played = replay(times, OFFICE, FREE, never, work=90.0, until=MONDAY + DAY + 12 * HOUR)
    assert played.early == 1
    assert played.minutes == pytest.approx(600 / 60 + 1.0)


POLICIES: tuple[Policy, ...] = (Fixed(0.0, 0.0), Fixed(math.inf), BreakEven(), Learned(0.3, 1.0), OFFICE)


@pytest.mark.parametrize("policy", POLICIES, ids=str)
def test_every_request_is_served_once_and_no_sum_is_negative(policy: Policy) -> None:
    chance = random.Random(4)
    times = sorted(MONDAY + chance.uniform(0.0, 10 * DAY) for _ in range(150))
    played = replay(times, policy, PRICES, lambda number: (number * 0.37) % 1.0, work=90.0, until=times[-1] + DAY)
    assert played.requests == 150
    assert min(played.idle, played.boots, played.disk, played.minutes) >= 0.0
    assert 1 <= played.waited <= 150
    assert played.starts >= 1
