"""Gains over the hedging peers in each point: how sure each is, and which knobs lower it."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from random import Random

from benchmarks.launch.claims import P95, Found, hedging_gain
from benchmarks.launch.measure import PRODUCT, Tally
from benchmarks.launch.parameters import GRID, HEDGING_GAIN
from benchmarks.launch.rules import HEDGING

RESAMPLES = 400
SURE = 0.95


@dataclass(frozen=True, slots=True)
class Sureness:
    """Points where the gain reaches the target, where it is less, and where the launches leave it open."""

    reached: int
    missed: int
    open: int


def likely(tallies: Mapping[str, Tally], random: Random) -> float:
    """Return how likely the gain of a point is at least `HEDGING_GAIN`, by its launches.

    It is if the share of the product's launches that are in time is at least `P95`. In time is a `HEDGING_GAIN`th of
    the p95 of the best peer, of which bootstrap samples are drawn. A share has a beta distribution, from an even prior:
    what was not seen in a few launches is not excluded, as a bootstrap of those would.
    """
    mine = sorted(tallies[PRODUCT].seconds)
    peers = [sorted(tallies[rule.name].seconds) for rule in HEDGING]
    chances = [_at_least(at, len(mine)) for at in range(len(mine) + 1)]
    limits = (min(_quantile(peer, random) for peer in peers) / HEDGING_GAIN for _ in range(RESAMPLES))
    return sum(chances[bisect_right(mine, limit)] for limit in limits) / RESAMPLES


@cache
def _at_least(reached: int, count: int) -> float:
    """Return how likely a share is at least `P95` of which `reached` of `count` were seen."""
    return sum(math.comb(count + 1, k) * P95**k * (1.0 - P95) ** (count + 1 - k) for k in range(reached + 1))


def _quantile(ordered: Sequence[float], random: Random) -> float:
    """Return the p95 of a sample with replacement: an order statistic of uniform draws has a beta distribution."""
    count = len(ordered)
    rank = max(1, math.ceil(P95 * count))
    return ordered[min(int(random.betavariate(rank, count - rank + 1) * count), count - 1)]


def sureness(points: Found) -> Sureness:
    """Return in how many points the launches leave less than 1 in 20 that the gain is on the other side."""
    random = Random(1)
    found = [likely(tallies, random) for tallies in points.values()]
    reached, missed = sum(one >= SURE for one in found), sum(one <= 1.0 - SURE for one in found)
    return Sureness(reached, missed, len(found) - reached - missed)


def by_knob(points: Found) -> Mapping[tuple[str, float], tuple[float, float]]:
    """Return for each value of each knob the share of its points that reach the target, and the mean gain.

    The mean is the geometric one.
    """
    found = {}
    for name, chosen in GRID.items():
        for value in chosen:
            gains = [hedging_gain(tallies) for case, tallies in points.items() if dict(case.changed)[name] == value]
            if gains:
                reached = sum(gain >= HEDGING_GAIN for gain in gains) / len(gains)
                found[name, value] = reached, math.exp(sum(map(math.log, gains)) / len(gains))
    return found
