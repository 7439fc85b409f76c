"""Thresholds from past idle times: those that would have cost least, within the range that bounds the worst case.

Each past idle time counts by its age and by how near its hour and day of the week are. Until there are many, they count
together with `PRIOR` imagined ones, for which break-even is right: their lengths have the density 1/x², at which a
machine that was unused for x is as likely to be used again in the next x, however large x is.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from ert_deploy.core.idle.hours import DAY, same_kind, time_of_day, weekday
from ert_deploy.core.idle.prices import HOUR, Prices
from ert_deploy.core.idle.thresholds import Thresholds, break_even, clamped

MOST_GAPS = 200  # that are remembered
PRIOR = 6.0  # idle times that the prior counts for
IMAGINED = 40  # lengths that stand for the prior
HALF_LIFE = 14 * DAY  # s after which an idle time counts half
NEAR = 1.5 * HOUR  # s: the distance in the time of day at which it counts exp(-1/2) of one at the same time
ELSEWHERE = 0.10  # of an idle time at another time of the day
OTHER_DAYS = 0.25  # of one at a weekend for a working day, or the reverse
BETTER = 0.98  # of the $ of break-even, which a choice has to be below
CHOICES = 6  # thresholds to try on each side of break-even


@dataclass(frozen=True, slots=True)
class Gap:
    """An idle time: when it began, as local Unix time, and its length in seconds."""

    began: float
    length: float


def learned(prices: Prices, past: Sequence[Gap], now: float, trust: float) -> Thresholds:
    """Return the thresholds for an idle time that begins now. ValueError for a trust outside of ]0, 1]."""
    base = break_even(prices)
    least = clamped(prices, Thresholds(0.0, 0.0), trust).stop
    known = [(gap.length, _weight(gap, now)) for gap in past[-MOST_GAPS:] if gap.length > least]
    known += [(least * IMAGINED / (number + 0.5), PRIOR / IMAGINED) for number in range(IMAGINED)]
    known.sort()
    best, lowest = base, math.inf
    for stop in _choices(base.stop, trust):
        for thresholds, cost in _costs(prices, stop, known, trust):
            if cost < lowest:
                best, lowest = thresholds, cost * (BETTER if lowest == math.inf else 1.0)
    return best


def _weight(gap: Gap, now: float) -> float:
    apart = abs(time_of_day(gap.began) - time_of_day(now))
    near = min(apart, DAY - apart) / NEAR
    alike = 1.0 if same_kind(weekday(gap.began), weekday(now)) else OTHER_DAYS
    age = max(0.0, now - gap.began)
    return (ELSEWHERE + (1 - ELSEWHERE) * math.exp(-near * near / 2)) * alike * math.pow(0.5, age / HALF_LIFE)


def _choices(base: float, trust: float) -> list[float]:
    """Return the thresholds to try, break-even first, in equal ratios up to both ends of the range."""
    ratio = math.pow(trust, 1 / CHOICES)
    return [base] + [base * math.pow(ratio, step) for step in range(-CHOICES, CHOICES + 1) if step]


def _costs(
    prices: Prices, stop: float, known: Sequence[tuple[float, float]], trust: float
) -> list[tuple[Thresholds, float]]:
    """Return the $ of all idle times for this stop and each choice of when to destroy. `known` is sorted by length."""
    first = bisect_right(known, (stop, math.inf))
    early = sum(weight * prices.run(length) for length, weight in known[:first])
    long = known[first:]
    lengths = [length for length, _ in long]
    wakes = prices.wakes(length - stop for length in lengths)
    slept = [weight * (prices.keep(length - stop) + wake) for (length, weight), wake in zip(long, wakes, strict=True)]
    total, weights = [0.0, *accumulate(slept)], [0.0, *accumulate(weight for _, weight in long)]
    begun = early + weights[-1] * prices.run(stop)
    found = []
    for wanted in _choices(break_even(prices).destroy, trust):
        one = clamped(prices, Thresholds(stop, wanted), trust)
        at = bisect_right(lengths, one.destroy)
        cost = begun + total[at]
        if at < len(lengths):
            cost += (weights[-1] - weights[at]) * (prices.keep(one.destroy - stop) + prices.renewal)
        found.append((one, cost))
    return found
