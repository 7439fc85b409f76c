"""Idle policies and what each decides: plain numbers for the guard and for whoever starts a machine."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TypeAlias, assert_never

from ert_deploy.core.idle.hours import DAY, Window, left, next_window
from ert_deploy.core.idle.learned import MOST_GAPS, Gap, learned
from ert_deploy.core.idle.prewarm import Off, Warm, prewarm
from ert_deploy.core.idle.prices import Prices
from ert_deploy.core.idle.thresholds import Thresholds, break_even, clamped

TRUST = 0.5  # worst case 3 times the best decision in hindsight


@dataclass(frozen=True, slots=True)
class Fixed:
    """Stops after `stop` seconds without use; destroys after `destroy` more, by default never."""

    stop: float
    destroy: float = math.inf


@dataclass(frozen=True, slots=True)
class BreakEven:
    """Changes the state when the best decision would have: at most twice its price."""


@dataclass(frozen=True, slots=True)
class Learned:
    """Thresholds from past idle times, at most 1 + 1/trust times the best; `budget` $ a day for early starts."""

    trust: float = TRUST
    budget: float = 0.0


@dataclass(frozen=True, slots=True)
class Schedule:
    """Runs in these windows of the week, started early, and by break-even outside of them."""

    windows: tuple[Window, ...]


Policy: TypeAlias = Fixed | BreakEven | Learned | Schedule


@dataclass(frozen=True, slots=True)
class Numbers:
    """Seconds without use until the machine stops, seconds stopped until it is destroyed, the next early start.

    `destroy_after` is 0 for a machine that is destroyed instead of stopped, and infinite for one that is kept.
    """

    idle_stop: float
    destroy_after: float
    warm: Warm | None = None


@dataclass(slots=True)
class Past:
    """What is known at a moment: requests and idle times until then, and what early starts cost unused.

    Times are local Unix times, oldest first; `unused` has the time and the $ of each.
    """

    arrivals: list[float] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    unused: list[tuple[float, float]] = field(default_factory=list)

    def add_gap(self, began: float, length: float) -> None:
        """Add an idle time that ended; the oldest beyond `MOST_GAPS` are forgotten."""
        self.gaps.append(Gap(began, length))
        del self.gaps[:-MOST_GAPS]

    def add_unused(self, at: float, cost: float) -> None:
        """Add what an early start cost unused; the oldest beyond `MOST_GAPS` are forgotten."""
        self.unused.append((at, cost))
        del self.unused[:-MOST_GAPS]

    def spent(self, now: float) -> float:
        """Return the $ that early starts cost unused within the last day."""
        return sum(cost for at, cost in self.unused if at > now - DAY)

    def missed(self) -> int:
        """Return the number of early starts since the last request."""
        return sum(not self.arrivals or at > self.arrivals[-1] for at, _ in self.unused)


def decide(policy: Policy, prices: Prices, past: Past, now: float, stopped: Off | None = None) -> Numbers:
    """Return the numbers for a machine that is unused from now on, or is off since `stopped`. Times are local."""
    match policy:
        case Fixed(stop, destroy):
            return Numbers(stop, destroy)
        case BreakEven():
            return _numbers(break_even(prices))
        case Learned(trust, budget):
            found = learned(prices, past.gaps, now, trust)
            numbers = _numbers(found)
            off = stopped or Off(now + found.stop, now + found.destroy)
            at, rest = max(now, off.since), budget - past.spent(now)
            warm = prewarm(prices, off, past.arrivals, at, budget=rest, missed=past.missed())
            return Numbers(numbers.idle_stop, numbers.destroy_after, warm)
        case Schedule(windows):
            base = break_even(prices)
            open_for = left(windows, now)
            begins, length = next_window(windows, now + open_for)
            stop, kept = max(base.stop, open_for), base.destroy - base.stop
            off = stopped or Off(now + stop, now + stop + kept)
            warm = Warm(max(off.since, begins - off.lead(prices, begins)), begins, length, 0.0)
            return Numbers(stop, kept, warm)
    assert_never(policy)


def least_stop(policy: Policy, prices: Prices) -> float:
    """Return the seconds without use before which the policy never stops a machine."""
    match policy:
        case Fixed(stop, _):
            return stop
        case Learned(trust, _):
            return clamped(prices, Thresholds(0.0, 0.0), trust).stop
        case BreakEven() | Schedule():
            return break_even(prices).stop
    assert_never(policy)


def _numbers(found: Thresholds) -> Numbers:
    return Numbers(found.stop, found.destroy - found.stop)
