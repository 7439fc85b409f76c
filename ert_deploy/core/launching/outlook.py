"""Outlook of a launch: its chance to become healthy and the time that it needs then, with the distributions of both."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from ert_deploy.core.market.stages import normal_quantile

POINTS = 7  # equally likely durations that stand for a distribution
SCATTER = tuple(normal_quantile((i + 0.5) / POINTS) for i in range(POINTS))
EVEN = (1.0 / POINTS,) * POINTS
TINY = 1e-6  # seconds, or a chance
SOON = 10.0  # seconds that are left at least: the next observations
LEAST_ALIVE = 0.02  # share: beyond the slowest hosts that are expected, the expectation is no evidence any more


@dataclass(frozen=True)
class Outlook:
    """Chance that a machine becomes healthy, the `times` in seconds until then with their weights, and $ until then.

    `running` is the $ of the planned hours after that. One that does not become healthy shows it after `fails` seconds,
    for each of the times, and how fast one is is seen within `look` seconds.
    """

    works: float
    times: tuple[float, ...]
    money: float
    weights: tuple[float, ...]
    running: float
    fails: tuple[float, ...]
    look: float

    @cached_property
    def rows(self) -> tuple[tuple[float, float, float], ...]:
        """Return for each time its weight, what it adds to the expected seconds if it works, and when it has failed."""
        healthy = [self.works * time for time in self.times]
        return tuple(zip(self.weights, healthy, self.fails, strict=True))

    @cached_property
    def mean(self) -> float:
        """Return the expected seconds of one that works."""
        return sum(time * weight for time, weight in zip(self.times, self.weights, strict=True))


def longer(median: float, spread: float, elapsed: float) -> float:
    """Return the share of log-normal durations that are longer than `elapsed`."""
    return math.erfc(math.log(max(elapsed, TINY) / median) / spread / math.sqrt(2)) / 2


def weighed(shares: Sequence[float]) -> tuple[tuple[float, ...], float]:
    """Return the shares as weights, and their mean, which is never 0."""
    total = sum(shares)
    if total <= LEAST_ALIVE:
        return (*(0.0 for _ in shares[1:]), 1.0), LEAST_ALIVE / len(shares)
    return tuple(share / total for share in shares), total / len(shares)


def posterior(prior: float, likelihood: float) -> float:
    """Return the chance of one that works, which looks like this so often; one that does not work always does."""
    return prior * likelihood / (prior * likelihood + 1.0 - prior)
