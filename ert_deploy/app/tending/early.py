"""Early start of a machine that its guard has stopped: when it is due, and the most that it can cost unused.

An agent starts it shortly before the first request that is to be expected by weekday and hour. Whatever dies meanwhile,
the guard stops the machine by its idle limit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from ert_deploy.app.deployment import Deployment
from ert_deploy.app.tending.prices import prices_of
from ert_deploy.app.tending.uses import Uses
from ert_deploy.core.idle.history import RENTED, STARTED, uses
from ert_deploy.core.idle.kept import UNUSED, Early, Kept
from ert_deploy.core.idle.prewarm import SLOT, Off, Warm, prewarm
from ert_deploy.core.idle.prices import HOUR, MINUTE, Prices
from ert_deploy.core.model.log.happened import Happened
from ert_deploy.core.planning.changes.differences import guard_of
from ert_deploy.core.planning.situation import Situation
from ert_deploy.core.verdict.facts import Asleep, Facts
from ert_deploy.core.verdict.waking import CONTENT, may_act, need

UNDER_WAY = 300.0  # s of the provider for which a start that was announced may not show yet


@dataclass(frozen=True, slots=True)
class Resting:
    """A machine that its guard has stopped for want of use, at `at` by the provider's clock.

    `most` is its longest idle limit in seconds, `price` in $ per hour when it runs, 0 if not known.
    """

    at: float
    most: int
    price: float
    history: tuple[Happened, ...] = ()


def resting(facts: Facts) -> Resting | None:
    """Return the machine that may be started in advance; None if there is none, or a person has to act first.

    A start that broke off, and goes on with another machine, is no rest: it may yet cost something.
    """
    main, situation = facts.main, facts.situation
    if main is None or not isinstance(situation, Situation) or not may_act(facts) or need(facts) is not CONTENT:
        return None
    if not main.instance.halted or facts.asleep.get(main.instance.id) is not Asleep.IDLE:
        return None
    made, limit = guard_of(main.instance), facts.desired.launch.guard.idle_stop
    limits = (limit, made.idle_stop if made is not None else limit)
    if not all(limits):
        return None
    price = main.instance.dph if main.instance.dph > 0 else 0.0
    return Resting(abs(situation.observed.stamp()), max(limits), price, situation.observed.state.history)


class EarlyStarts:
    """The early starts of one deployment, and the next one, by the provider's clock."""

    def __init__(self, deployment: Deployment, kept: Uses, local: Callable[[float], float]) -> None:
        self._deployment, self._uses, self._local = deployment, kept, local
        self._next: Warm | None = None

    def see(self, seen: Resting | None) -> None:
        """Settle the last one if the machine rests again, and decide when the next one is due."""
        if seen is None:
            self._next = None
            return
        self._uses.read()
        if (early := self._uses.kept.open) is not None and seen.at > early.begun + UNDER_WAY:
            self._settle(early, seen)
        late = self._next is not None and self._next.begin <= seen.at < self._next.begin + SLOT
        if not late:
            self._next = self._decide(seen, self._uses.kept)

    def _settle(self, early: Early, seen: Resting) -> None:
        """Note what it cost; one that was announced and never made is forgotten, so that it may be."""
        since = [event.what for event in seen.history if event.at >= early.begun - MINUTE]
        cost = seen.price * (seen.at - early.begun) / HOUR + since.count(RENTED) * self._traffic
        cost = cost if seen.price else early.cost

        def change(now: Kept) -> Kept:
            if STARTED in since or RENTED in since:
                return now.ending(early, UNUSED, cost)
            return replace(now, early=tuple(one for one in now.early if one != early))

        self._uses.end(early, change)

    def _decide(self, seen: Resting, known: Kept) -> Warm | None:
        """Return the next one by local time as one of the provider's; None if none is worth its price."""
        budget = self._deployment.settings.early_starts - known.spent(seen.at)
        if self.bound(seen) > budget or known.open is not None:
            return None
        shift = self._local(seen.at) - seen.at
        last = max((*known.wanted, *(gap.began + gap.length for gap in known.gaps)), default=seen.at)
        past, since = known.past(self._local), min(seen.at, last + seen.most)
        found = prewarm(
            self._prices(seen), Off(since + shift, float("inf")), past.arrivals, seen.at + shift,
            budget=budget, missed=past.missed(), most=seen.most,
        )  # fmt: skip
        return None if found is None else replace(found, begin=found.begin - shift, ready=found.ready - shift)

    def bound(self, seen: Resting) -> float:
        """Return the most that one can cost unused, in $: another machine, which takes longest and costs most."""
        desired = self._deployment.settings.desired
        rate = max(seen.price, desired.criteria.max_dph)
        return rate * (desired.timings.boot_limit + seen.most + MINUTE) / HOUR + self._traffic

    @property
    def _traffic(self) -> float:
        """The most $ that the traffic of another machine can cost."""
        desired = self._deployment.settings.desired
        return (desired.launch.image_gb + desired.launch.model_gb) * desired.criteria.max_inet_cost

    def _prices(self, seen: Resting) -> Prices:
        prices, _ = prices_of(self._deployment, uses(seen.history))
        return replace(prices, gpu=seen.price) if seen.price else prices

    def wait(self, at: float) -> float:
        """Return the seconds of the provider until the next one is due, infinity if there is none."""
        return self._next.begin - at if self._next is not None else float("inf")

    def begin(self, seen: Resting) -> str:
        """Set the $ of one that is due aside; return the reason for the start, "" where there is none."""
        one, self._next = self._next, None
        if one is None:
            return ""
        early = Early(round(seen.at), round(one.ready), round(one.hold), self.bound(seen))
        if not self._uses.begin(early, self._deployment.settings.early_starts):
            return ""
        return f"requests are usual from {one.ready - seen.at:.0f} s from now on (policy/early_starts_per_day)"
