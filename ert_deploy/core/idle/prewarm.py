"""Early start: when a machine should be ready before its first request, by the days that were like it.

A start is worth its price if, on past days of that kind, the wait that it would have saved counts for more than the GPU
that would have run unused. One imagined day without a request counts for what was not seen.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ert_deploy.core.idle.hours import DAY, WEEK, WEEKEND, same_kind, time_of_day, weekday
from ert_deploy.core.idle.prices import HOUR, Prices

SLOT = HOUR / 4  # s between two times that are considered
AHEAD = 4 * DAY  # s: over a weekend and a holiday
DAYS = 28  # that are looked back at
SAME_DAY, SAME_KIND = 1.0, 0.4  # what a past day counts, of the same weekday and of the same kind
MISSED = 4.0  # what each early start that no request came for counts, as such a day, until one comes
UNSEEN = 1.0  # what the imagined day without a request counts
LEAST = 1.5  # what all past days have to count together
HOLDS = (HOUR / 2, HOUR, 2 * HOUR)  # s for which the machine may wait for its first request
BETTER = 2 * HOUR  # s after the first time that is worth its price, within which a better one is taken
CERTAIN = 0.25  # share of taken GPUs from which on an early start has time for another machine


@dataclass(frozen=True, slots=True)
class Warm:
    """A early start: when to begin, when it is ready, for how long it waits for a request, and its $ unused."""

    begin: float
    ready: float
    hold: float
    expected: float


@dataclass(frozen=True, slots=True)
class Off:
    """A machine that does not run: stopped at `since`, its disk kept until `gone`. `asleep`: None without its disk."""

    since: float
    gone: float

    def asleep(self, at: float) -> float | None:
        """Return the seconds that it has been stopped, None if its disk is gone."""
        return at - self.since if at <= self.gone else None

    def lead(self, prices: Prices, at: float) -> float:
        """Return how many seconds before a moment a start has to begin to be ready then."""
        asleep = self.asleep(at)
        if asleep is None:
            return prices.anew
        return prices.kept if prices.taken.chance(asleep) < CERTAIN else prices.refused + prices.anew

    def boot(self, prices: Prices, at: float) -> float:
        """Return the expected $ of the start itself without any wait."""
        asleep = self.asleep(at)
        anew = prices.run(prices.anew) + prices.fetch
        lost = 1.0 if asleep is None else prices.taken.chance(asleep)
        return (1 - lost) * prices.run(prices.kept) + lost * anew


def prewarm(
    prices: Prices,
    off: Off,
    arrivals: Sequence[float],
    now: float,
    *,
    budget: float,
    missed: int,
    most: float = math.inf,
) -> Warm | None:
    """Return the next early start that is worth its price and costs at most `budget` $ unused; None without one.

    `arrivals` are sorted, local Unix times; `missed` are the early starts since the last of them. It waits at most
    `most` seconds for a request: a guard stops the machine then.
    """
    if budget <= 0:
        return None
    holds = sorted({min(hold, most) for hold in HOLDS})
    unseen, likely = UNSEEN + MISSED * missed, _likely(arrivals, now)
    first = (now // SLOT + 1) * SLOT
    best: tuple[float, Warm] | None = None
    for number in range(int(AHEAD / SLOT)):
        ready = first + number * SLOT
        if best and ready > best[1].ready + BETTER:
            break
        if _slot(ready) not in likely or (begin := ready - off.lead(prices, ready)) < now:
            continue
        found = _worth(prices, off, list(_days(arrivals, ready)), begin, ready, unseen=unseen, holds=holds)
        if found and found[1].expected <= budget and (best is None or found[0] > best[0]):
            best = found
    return best[1] if best else None


def _likely(arrivals: Sequence[float], now: float) -> set[tuple[bool, int]]:
    """Return the slots that a request of the last days would have been near enough to: no other one gains anything."""
    recent = arrivals[bisect_left(arrivals, now - DAYS * DAY) :]
    most = int(max(HOLDS) / SLOT)
    slots = {int(at // SLOT) for at in recent}
    return {_slot(SLOT * number) for number in {slot - ahead for slot in slots for ahead in range(most + 1)}}


def _slot(at: float) -> tuple[bool, int]:
    """Return the kind of its day, and the number of the slot of the day."""
    return weekday(at) in WEEKEND, int(time_of_day(at) // SLOT)


def _worth(
    prices: Prices,
    off: Off,
    days: Sequence[tuple[float, float]],
    begin: float,
    ready: float,
    *,
    unseen: float,
    holds: Sequence[float],
) -> tuple[float, Warm] | None:
    """Return the expected gain in $ of an early start and the start itself, None if it gains nothing."""
    total = sum(weight for weight, _ in days)
    if total < LEAST:
        return None
    saved, boot = prices.wait(prices.delay(off.asleep(begin))), off.boot(prices, begin)
    best: tuple[float, Warm] | None = None
    for hold in holds:
        gain, unused = -unseen * (prices.run(hold) + boot), unseen * prices.run(hold)
        for weight, after in days:
            if after <= hold:
                gain += weight * (saved - prices.run(after)) if after >= 0 else 0.0
                unused += weight * prices.run(max(0.0, after))
            else:
                gain -= weight * (prices.run(hold) + boot)
                unused += weight * prices.run(hold)
        if gain > 0 and (best is None or gain > best[0]):
            best = gain, Warm(begin, ready, hold, unused / (total + unseen))
    return best


def _days(arrivals: Sequence[float], ready: float) -> Iterator[tuple[float, float]]:
    """Yield for each past day like it what it counts, and the seconds from that time to its next request.

    Negative: a request shortly before had the machine running, so that there was nothing to gain.
    """
    day, latest = weekday(ready), arrivals[-1]
    for back in range(1, DAYS + 1):
        at = ready - back * DAY
        if at < arrivals[0] - DAY:
            return
        if at > latest or not same_kind(day, weekday(at)):
            continue
        index = bisect_left(arrivals, at)
        weight = SAME_DAY if (back * DAY) % WEEK == 0 else SAME_KIND
        before = index > 0 and arrivals[index - 1] > at - HOUR / 2
        yield weight, -1.0 if before else arrivals[index] - at
