"""Replay of a policy on known requests: what it would have cost, and who would have had to wait.

Each request finds the machine running, stopped or gone. Requests that come while it starts wait for the rest of the
start. Work itself costs the same with every policy and is left out. `luck` gives for the number of a request a value in
[0, 1[: the GPU was taken if it is below the share that is, so that all policies meet the same market.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from ert_deploy.core.idle.policy import Numbers, Past, Policy, decide, least_stop
from ert_deploy.core.idle.prewarm import Off
from ert_deploy.core.idle.prices import MINUTE, Prices

Luck = Callable[[int], float]


@dataclass(slots=True)
class Played:
    """Sums of one replay: $ of the unused GPU, of starts, of kept disks; requests, those that had to wait, and minutes.

    `starts` are all starts of the machine, `early` those in advance, `missed` those without a request.
    """

    idle: float = 0.0
    boots: float = 0.0
    disk: float = 0.0
    requests: int = 0
    waited: int = 0
    minutes: float = 0.0
    starts: int = 0
    early: int = 0
    missed: int = 0

    @property
    def money(self) -> float:
        """$ that would have been billed, but for the work."""
        return self.idle + self.boots + self.disk

    @property
    def cold(self) -> float:
        """Share of the requests that had to wait."""
        return self.waited / self.requests if self.requests else 0.0

    def total(self, wait_price: float) -> float:
        """Return the $ with the price of waiting, in $ per minute."""
        return self.money + wait_price * self.minutes


def replay(
    arrivals: Sequence[float],
    policy: Policy,
    prices: Prices,
    luck: Luck,
    *,
    work: float,
    until: float,
    since: float = float("-inf"),
    floor: float = 0.0,
    at_starts: bool = False,
) -> Played:
    """Play the policy on sorted local times of requests of `work` seconds each; only what is after `since` is counted.

    The machine does not exist before the first request. After the last one it is idle until `until`. It never stops
    within `floor` seconds without use. With `at_starts` the numbers are those of its last start, as where no
    agent sends it others.
    """
    least = max(floor, least_stop(policy, prices))
    run = _Run(arrivals, policy, prices, luck, work, until, since, least, at_starts)
    if not arrivals:
        return run.sums
    at = 0
    ready = run.start(arrivals[at], None, at)
    while at < len(arrivals):
        at, end = run.serve(at, ready)
        ready = run.idle(end, at)
    return run.sums


@dataclass(slots=True)
class _Run:
    arrivals: Sequence[float]
    policy: Policy
    prices: Prices
    luck: Luck
    work: float
    until: float
    since: float
    least: float
    at_starts: bool
    numbers: Numbers = field(default_factory=lambda: Numbers(0.0, 0.0))
    past: Past = field(default_factory=Past)
    sums: Played = field(default_factory=Played)

    def serve(self, at: int, ready: float) -> tuple[int, float]:
        """Serve the request with that number and all that come until the machine is unused; return the next, and when.

        A machine works on several at a time.
        """
        end, known = ready, self.past.arrivals
        while at < len(self.arrivals) and self.arrivals[at] <= end:
            now = self.arrivals[at]
            if now >= self.since:
                self.sums.requests += 1
                self.sums.waited += now < ready
                self.sums.minutes += max(0.0, ready - now) / MINUTE
            end = max(end, max(now, ready) + self.work)
            known.append(now)
            at += 1
        return at, end

    def idle(self, end: float, at: int) -> float:
        """Play the idle time until the request with that number; return when the machine is ready for it."""
        last = at >= len(self.arrivals)
        following = self.until if last else self.arrivals[at]
        if following - end <= self.least:
            self._pay(end, following)
            ready = following
        else:
            numbers = self.numbers if self.at_starts else decide(self.policy, self.prices, self.past, end)
            off = end + max(numbers.idle_stop, self.least)
            self._pay(end, min(off, following))
            ready = following if following <= off else self._off(off, numbers, following, at, last)
        if not last:
            self.past.add_gap(end, following - end)
        return ready

    def _off(self, since: float, numbers: Numbers, following: float, at: int, last: bool) -> float:
        """Play the time from a stop until a request; return when the machine is ready for it."""
        while True:
            off, warm = Off(since, since + numbers.destroy_after), numbers.warm
            if warm is None or warm.begin >= following:
                self._keep(off, following)
                return following if last else self.start(following, off.asleep(following), at)
            self._keep(off, warm.begin)
            ready = self.start(warm.begin, off.asleep(warm.begin), at)
            self.sums.early += warm.begin >= self.since
            if following <= ready:
                return ready
            since = max(ready, warm.ready) + warm.hold
            used = min(following, since)
            self._pay(ready, used)
            self.past.add_unused(ready, self.prices.run(used - ready))
            if following <= since:
                return following
            self.sums.missed += warm.begin >= self.since
            again = decide(self.policy, self.prices, self.past, since, Off(since, since + numbers.destroy_after))
            numbers = replace(numbers, warm=again.warm)

    def start(self, now: float, asleep: float | None, at: int) -> float:
        """Start the machine, or rent another one; return when it is ready."""
        prices, later = self.prices, now
        taken = asleep is not None and self.luck(at) < prices.taken.chance(asleep)
        if taken:
            later += prices.refused
        kept = asleep is not None and not taken
        ready = later + (prices.kept if kept else prices.anew)
        if self.at_starts:
            self.numbers = decide(self.policy, prices, self.past, ready)
        if now >= self.since:
            self.sums.starts += 1
            self.sums.boots += prices.run(ready - later) + (0.0 if kept else prices.fetch)
        return ready

    def _pay(self, begin: float, end: float) -> None:
        self.sums.idle += self.prices.run(max(0.0, end - max(begin, self.since)))

    def _keep(self, off: Off, end: float) -> None:
        self.sums.disk += self.prices.keep(max(0.0, min(end, off.gone) - max(off.since, self.since)))
