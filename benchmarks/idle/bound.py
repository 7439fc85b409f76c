"""Bounds: the best fixed time-outs, and whoever knows every request and which GPU is taken."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from ert_deploy.core.idle.policy import Fixed
from ert_deploy.core.idle.prices import HOUR, MINUTE, Prices
from ert_deploy.core.idle.replay import Luck, Played, replay

NEVER = float("inf")
MINUTES = (
    1, 2, 3, 5, 7, 10, 13, 16, 20, 25, 30, 40, 50, 60, 75, 90, 120, 180, 240, 360, 480, 720, 960, 1440, 2880, 5760,
)  # fmt: skip
STOPS = (*(MINUTE * minutes for minutes in MINUTES), NEVER)
DESTROYS = (NEVER, 0.0, 1 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, 24 * HOUR)
Fixeds = Sequence[tuple[Fixed, Played]]


def every_fixed(arrivals: Sequence[float], prices: Prices, luck: Luck, *, work: float, until: float) -> Fixeds:
    """Return what each fixed time-out would have cost, with the disk kept for ever and with each time to destroy it."""
    found = []
    for stop in STOPS:
        for destroy in DESTROYS if stop < NEVER else (NEVER,):
            fixed = Fixed(stop, destroy)
            found.append((fixed, replay(arrivals, fixed, prices, luck, work=work, until=until)))
    return found


def best(fixeds: Fixeds, wait_price: float, *, cold: float = 1.0, destroys: bool = True) -> tuple[Fixed, Played]:
    """Return the cheapest fixed time-out, its waits priced, of those with at most that share of cold waits.

    Without `destroys` only those that keep the disk. One that never stops has but the first wait.
    """
    chosen = [
        (fixed, played)
        for fixed, played in fixeds
        if played.cold <= cold + 1e-12 and (destroys or fixed.destroy == NEVER)
    ]
    always = [(fixed, played) for fixed, played in fixeds if fixed.stop == NEVER]
    return min(chosen or always, key=lambda one: one[1].total(wait_price))


@dataclass(slots=True)
class _Clairvoyant:
    """Lowest $ from each request on, by how the machine was found: running, stopped or gone."""

    arrivals: Sequence[float]
    prices: Prices
    luck: Luck
    work: float

    def serve(self, at: int, ready: float) -> tuple[int, float, float]:
        """Return the next request after the machine is unused, since when it is, and the minutes of all waits."""
        end, minutes = ready, 0.0
        while at < len(self.arrivals) and self.arrivals[at] <= end:
            now = self.arrivals[at]
            minutes += max(0.0, ready - now) / MINUTE
            end = max(end, max(now, ready) + self.work)
            at += 1
        return at, end, minutes

    def options(self, at: int, idle: float) -> list[tuple[float, float]]:
        """Return the $ and the seconds of each way to find the machine at a request after that idle time."""
        prices = self.prices
        anew = prices.run(prices.anew) + prices.fetch
        luck, taken = self.luck(at), prices.taken
        lost, lost_after = (prices.keep(idle) + anew, prices.refused + prices.anew), prices.refused + prices.anew
        found = [(prices.run(idle), 0.0), (anew, prices.anew)]
        if luck >= taken.chance(idle):
            return [*found, (prices.keep(idle) + prices.run(prices.kept), prices.kept)]
        # Run on until the sleep is so short that the GPU is still free.
        short = _still_free(prices, luck, idle)
        freed = prices.run(idle - short) + prices.keep(short) + prices.run(prices.kept)
        return [*found, (lost[0], lost_after), (freed, prices.kept)]


def clairvoyant(arrivals: Sequence[float], prices: Prices, luck: Luck, *, work: float) -> float:
    """Return the lowest $ with the price of waiting of anyone who does not start a machine before its request.

    After the last request it is destroyed at once.
    """
    plan = _Clairvoyant(arrivals, prices, luck, work)
    starts: dict[tuple[int, float], float] = {}  # (request, seconds until the machine is ready): $ from there on
    order = [(0, prices.anew)]
    following: dict[tuple[int, float], list[tuple[float, tuple[int, float]]]] = {}
    for key in order:  # grows while it is read
        at, wait = key
        then, end, minutes = plan.serve(at, arrivals[at] + wait)
        waits = prices.wait_price * minutes
        following[key] = []
        if then >= len(arrivals):
            starts[key] = waits
            continue
        for money, delay in plan.options(then, arrivals[then] - end):
            following[key].append((waits + money, (then, delay)))
            if (then, delay) not in following and (then, delay) not in order[-8:]:
                order.append((then, delay))
    for key in sorted(set(order), reverse=True):
        if following[key]:
            starts[key] = min(money + starts[after] for money, after in following[key])
    return starts[0, prices.anew] + prices.run(prices.anew) + prices.fetch


def _still_free(prices: Prices, luck: float, idle: float) -> float:
    """Return the longest sleep after which this luck still has the GPU free."""
    grid = [idle * part / 256 for part in range(257)]
    return grid[max(0, bisect_right([prices.taken.chance(one) for one in grid], luck) - 1)]
