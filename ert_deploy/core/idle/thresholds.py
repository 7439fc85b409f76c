"""Thresholds of one idle time: when the machine is stopped and when its disk is given up, with a bounded worst case.

Three states (running, stopped with its disk, gone) are a rent-or-buy problem with two steps. `break_even` changes the
state when the best decision would have: it costs at most twice that decision. `clamped` restricts any
other choice to [trust x break-even, break-even / trust], which costs at most 1 + 1/trust times. Both bounds are for the
expected $ of one idle time by `Prices`, and so for any sequence of them (ADR 49).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from ert_deploy.core.idle.prices import HOUR, Prices

FAR = 10 * 365 * 24 * HOUR  # s: what is not cheaper by then never is
STEPS = 60  # of a bisection


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Seconds without use until the machine is stopped, and until it is destroyed; equal: it is not stopped first."""

    stop: float
    destroy: float

    def cost(self, prices: Prices, gap: float) -> float:
        """Return the expected $ of an idle time of that length, with the start of the machine at its end."""
        if gap <= self.stop:
            return prices.run(gap)
        ran = prices.run(self.stop)
        if gap <= self.destroy:
            return ran + prices.keep(gap - self.stop) + prices.wake(gap - self.stop)
        return ran + prices.keep(self.destroy - self.stop) + prices.renewal


def optimum(prices: Prices, gap: float) -> float:
    """Return the lowest expected $ of an idle time whose length is known in advance, with no early start."""
    return min(prices.run(gap), prices.keep(gap) + prices.wake(gap), prices.renewal)


@lru_cache(maxsize=256)
def break_even(prices: Prices) -> Thresholds:
    """Return the lengths of an idle time from which on it is cheaper to have stopped, and to have destroyed at once."""
    direct = HOUR * prices.renewal / prices.gpu
    stop = _first(lambda at: prices.run(at) - prices.keep(at) - prices.wake(at), direct)
    if stop >= direct:
        return Thresholds(direct, direct)
    return Thresholds(stop, _first(lambda at: prices.keep(at) + prices.wake(at) - prices.renewal, FAR))


@lru_cache(maxsize=256)
def longest_sleep(prices: Prices) -> float:
    """Return the seconds of sleep after which the start of a stopped machine is expected to cost more than another."""
    return _first(lambda at: prices.wake(at) - prices.renewal, FAR)


def clamped(prices: Prices, wanted: Thresholds, trust: float) -> Thresholds:
    """Return the nearest thresholds whose worst case is 1 + 1/trust. ValueError for a trust outside of ]0, 1].

    The disk is given up before its break-even only if the machine was not stopped after its own: each of the two may
    cost 1/trust times the optimum, but not both.
    """
    if not 0 < trust <= 1:
        raise ValueError(f"a trust of {trust!r} is not between 0 and 1")
    base = break_even(prices)
    stop = _within(wanted.stop, base.stop * trust, base.stop / trust)
    if base.stop == base.destroy:
        return Thresholds(stop, stop)
    least = base.destroy * trust if stop <= base.stop else base.destroy
    destroy = _within(wanted.destroy, least, base.destroy / trust)
    return Thresholds(stop, max(stop, min(destroy, stop + longest_sleep(prices))))


def _within(value: float, low: float, high: float) -> float:
    return max(low, min(value, high))


def _first(sign: Callable[[float], float], high: float) -> float:
    """Return where a function that is negative at first becomes positive, infinity if it is not at `high`."""
    if sign(high) <= 0:
        return math.inf
    low = 0.0
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if sign(middle) <= 0 else (low, middle)
    return high
