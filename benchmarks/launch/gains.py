"""Gains over the hedging peers in the points of the grid: how sure each is, and which knobs lower it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from benchmarks.launch.claims import P95, Found, hedging_gain
from benchmarks.launch.measure import PRODUCT, Tally
from benchmarks.launch.parameters import GRID, HEDGING_GAIN
from benchmarks.launch.rules import HEDGING

RESAMPLES = 2000
SURE = 0.95


@dataclass(frozen=True, slots=True)
class Sureness:
    """Points of the grid where the gain reaches the target, where it is less, and where the launches leave it open."""

    reached: int
    missed: int
    open: int


def likely(tallies: Mapping[str, Tally], random: Random) -> float:
    """Return in which share of bootstrap samples of a point's launches the gain is at least `HEDGING_GAIN`."""
    ordered = {name: sorted(tallies[name].seconds) for name in (PRODUCT, *(rule.name for rule in HEDGING))}
    hits = 0
    for _ in range(RESAMPLES):
        drawn = {name: _quantile(seconds, random) for name, seconds in ordered.items()}
        mine = drawn.pop(PRODUCT)
        hits += min(drawn.values()) >= HEDGING_GAIN * mine
    return hits / RESAMPLES


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
    """Return for each value of each knob of the grid the share of its points that reach the target, and the mean gain.

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
