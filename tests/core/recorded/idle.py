"""Drawn weeks of requests, and what each policy for an unused machine makes of them, as one line of figures each."""

from __future__ import annotations

import math
from collections.abc import Iterator
from random import Random

from ert_deploy.core.idle.advice import advise, too_little
from ert_deploy.core.idle.hours import DAY, Window
from ert_deploy.core.idle.policy import BreakEven, Fixed, Learned, Numbers, Past, Policy, Schedule, decide, least_stop
from ert_deploy.core.idle.prewarm import Off
from ert_deploy.core.idle.prices import HOUR, Prices, Taken
from ert_deploy.core.idle.replay import replay
from ert_deploy.core.idle.thresholds import Thresholds, break_even, clamped, longest_sleep, optimum
from tests.core.recorded.launches import figures

MONDAY = 18 * 7 * DAY + 4 * DAY  # local Unix time
PRICED, DECIDED, PLAYED, ADVISED = 40, 60, 40, 12  # drawn of each kind


def lines() -> Iterator[str]:
    """Yield all lines: kind, number, figures."""
    yield from (f"prices {number}: {_prices(Random(number))}" for number in range(PRICED))
    yield from (f"decide {number}: {_decided(Random(1000 + number))}" for number in range(DECIDED))
    yield from (f"replay {number}: {_replayed(Random(2000 + number))}" for number in range(PLAYED))
    yield from (f"advice {number}: {_advised(Random(3000 + number))}" for number in range(ADVISED))


def _market(random: Random) -> Prices:
    kept = random.uniform(40, 300)
    return Prices(
        gpu=random.uniform(0.1, 0.8), disk=random.choice((0.0, random.uniform(0.002, 0.05))), kept=kept,
        anew=kept + random.uniform(0, 900), refused=random.uniform(0, 200), fetch=random.uniform(0, 0.2),
        wait_price=random.choice((0.0, random.uniform(0.005, 0.2))),
        taken=Taken(random.choice((0.0, random.uniform(0.1, 1.0))), random.uniform(600, 20_000)),
    )  # fmt: skip


def _prices(random: Random) -> str:
    prices, gap, trust = _market(random), random.expovariate(1 / 9000), random.uniform(0.05, 1.0)
    base, wanted = break_even(prices), Thresholds(random.uniform(0, 20_000), random.uniform(0, 200_000))
    bound = clamped(prices, wanted, trust)
    told = (base.stop, base.destroy, bound.stop, bound.destroy, longest_sleep(prices))
    spent = (bound.cost(prices, gap), optimum(prices, gap), prices.delay(gap), prices.delay(None), prices.wake(gap))
    return figures(*told, *spent, prices.restart, prices.renewal)


def _weeks(random: Random, days: int) -> list[float]:
    """Return sorted requests: office hours on working days, some at any time, and some at the hour itself."""
    found, busy = [], random.uniform(0.3, 5.0)
    for day in range(days):
        office = day % 7 < 5
        for _ in range(round(random.uniform(0, busy) * (1.0 if office else 0.3))):
            at = random.choice((random.gauss(9.5, 0.7), random.uniform(8, 18), float(random.randrange(8, 18))))
            found.append(MONDAY + day * DAY + at * HOUR)
    return sorted(found)


def _policy(random: Random) -> Policy:
    windows = (Window(frozenset({0, 1, 2, 3, 4}), 8 * HOUR, 18 * HOUR), Window(frozenset({5}), 20 * HOUR, DAY))
    return random.choice(
        (
            Fixed(random.uniform(0, 5000), random.choice((math.inf, 0.0, random.uniform(0, 90_000)))),
            BreakEven(),
            Learned(random.uniform(0.1, 1.0)),
            Learned(random.uniform(0.1, 1.0), random.uniform(0.05, 1.5)),
            Schedule(windows),
        )
    )


def _numbers(found: Numbers) -> str:
    warm = found.warm
    early = (
        figures(warm.begin - MONDAY, warm.ready - warm.begin, warm.hold, warm.expected) if warm is not None else "none"
    )
    return f"{figures(found.idle_stop, found.destroy_after)} early {early}"


def _decided(random: Random) -> str:
    prices, policy, days = _market(random), _policy(random), random.randrange(2, 40)
    past = Past(arrivals=_weeks(random, days))
    for number in range(random.randrange(260)):
        past.add_gap(MONDAY + days * DAY * number / 260, random.choice((0.0, random.expovariate(1 / 7000))))
    now = (past.arrivals[-1] if past.arrivals else MONDAY + days * DAY) + random.uniform(0, 30 * HOUR)
    for _ in range(random.randrange(3)):
        past.add_unused(now - random.uniform(0, 2 * DAY), random.uniform(0, 0.3))
    gone = random.choice((math.inf, now + random.uniform(0, 40 * HOUR)))
    off = random.choice((None, Off(now - random.uniform(0, 20 * HOUR), gone)))
    found = decide(policy, prices, past, now, off)
    return f"{_numbers(found)} least {figures(least_stop(policy, prices), past.spent(now), past.missed())}"


def _replayed(random: Random) -> str:
    prices, policy, days = _market(random), _policy(random), random.randrange(1, 30)
    wanted, luck = _weeks(random, days), [random.random() for _ in range(400)]
    since = random.choice((-math.inf, MONDAY + days * DAY / 3))
    played = replay(
        wanted, policy, prices, lambda number: luck[number % len(luck)], work=random.uniform(20, 400),
        until=MONDAY + (days + random.uniform(0, 2)) * DAY, since=since, floor=random.choice((0.0, 900.0)),
        at_starts=random.random() < 0.3,
    )  # fmt: skip
    counts = (played.requests, played.waited, played.starts, played.early, played.missed)
    return figures(played.idle, played.boots, played.disk, played.minutes, played.total(0.05), played.cold, *counts)


def _advised(random: Random) -> str:
    wanted, prices = _weeks(random, random.randrange(3, 35)), _market(random)
    if why := too_little(wanted):
        return why
    idle_stop, budget, floor = random.choice((0.0, 1200.0)), random.choice((0.0, 0.4)), random.choice((0.0, 600.0))
    found = advise(wanted, prices, idle_stop=idle_stop, budget=budget, floor=floor)
    rows = "; ".join(
        f"{row.name} {figures(row.billed, row.minutes, row.total, row.waited)} {_numbers(row.numbers)}"
        for row in found.rows
    )
    return f"{rows}; {found.chosen.name} {figures(found.idle_stop, found.requests, found.days)}"
