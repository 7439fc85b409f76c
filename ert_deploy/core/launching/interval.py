"""Cost interval: the narrowest range of $ that holds most of the runs that were drawn. Its width has a limit."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import NamedTuple

from ert_deploy.core.market.stages import normal_quantile

ERRORS = tuple(normal_quantile((i + 0.5) / 7) for i in range(7))


class Interval(NamedTuple):
    """Between `low` and `high` $ lie the costs of this share of the runs, 0 to 1."""

    low: float
    high: float
    share: float


def scattered(found: Sequence[float], error: float, dearer: float) -> tuple[float, ...]:
    """Return the costs with an error of the draws in each, in order: log-normal, in spreads of the costs themselves.

    `error` is its standard deviation and `dearer` its mean, both as a multiple of theirs.
    """
    spread = statistics.pstdev(map(math.log, found))
    factors = [math.exp(spread * (dearer + error * z)) for z in ERRORS]
    return tuple(sorted(cost * factor for cost in found for factor in factors))


def narrowest(found: Sequence[float], part: float, widest: float) -> Interval:
    """Return the range with the smallest ratio of its ends that holds this part of the costs, which are in order.

    Where that ratio exceeds `widest`, it is the range of at most that ratio that holds most of them.
    """
    count = math.ceil(part * len(found))
    ends = zip(found, found[count - 1 :], strict=False)
    low, high = min(ends, key=lambda pair: pair[1] / pair[0])
    if high <= widest * low:
        return Interval(low, high, count / len(found))
    best, after = Interval(found[0], found[0], 0.0), 0
    for first, lowest in enumerate(found):
        while after < len(found) and found[after] <= widest * lowest:
            after += 1
        best = max(best, Interval(lowest, found[after - 1], (after - first) / len(found)), key=_preferred)
    return best


def _preferred(interval: Interval) -> tuple[float, float]:
    return interval.share, -interval.high / interval.low
