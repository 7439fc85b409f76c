"""Tending of a guard: the agent sends it the idle limit of the policy, a plain number. Only where one is configured.

The number is never above the limit of the config or that which the machine was rented with, so that a guard that hears
nothing more stops the machine no later than it would have done without an agent.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from ert_deploy.app.deployment import Deployment
from ert_deploy.app.tending.awake import Awake
from ert_deploy.app.tending.early import EarlyStarts, Resting
from ert_deploy.app.tending.prices import prices_of
from ert_deploy.app.tending.seen import GuardSeen
from ert_deploy.app.tending.uses import Uses
from ert_deploy.core.idle.guard import Choice, differs, idle_limit, least_of, policy_of
from ert_deploy.core.idle.history import uses
from ert_deploy.core.idle.policy import least_stop
from ert_deploy.core.idle.prices import MINUTE, Prices
from ert_deploy.core.model.errors import ErtError
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.verdict.waking import Action
from ert_deploy.wiring import Session

AGAIN = 600.0  # seconds of the provider at least between two requests to a guard


class Tending:
    """Tends the guard of one deployment, and begins early starts. What it learns from is kept beside the state."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._policy = policy_of(deployment.settings.idle, deployment.settings.windows)
        self._learns = deployment.settings.idle is Choice.LEARNED
        self._uses = Uses(deployment)
        self._early = EarlyStarts(deployment, self._uses, self._local) if deployment.settings.early_starts else None
        self._next: dict[InstanceId, float] = {}
        self.awake = Awake(deployment.settings.desired.awake)

    def tend_all(self, guards: Sequence[GuardSeen], session: Session | None, running: Action | None) -> Iterator[str]:
        """Keep the first ones up as the config wants, and send the others the limit of the policy.

        Yield lines on them. While a run is `running`, only the first is done, and nothing while it is for sleep.
        """
        if session is None or running is Action.SLEEP:
            return
        yield from self.awake.keep(guards, session)
        for seen in guards[self.awake.least :] if running is None else ():
            if said := self.tend(seen, session):
                yield said

    def tend(self, seen: GuardSeen | None, session: Session | None) -> str:
        """Send the guard the limit of the policy if it has another one; return a line on it, "" for none.

        Never raises an error of the product: the guard keeps what it has, and a later look tries again.
        """
        if self._policy is None or seen is None or session is None:
            return ""
        if seen.idle is not None and self._learns:
            self._uses.see(seen.at, seen.idle, least_stop(self._policy, self._prices(seen)), seen.history)
        wanted = self.limit(seen)
        if seen.at < self._next.get(seen.instance, 0.0) or not differs(seen.limits[0], wanted):
            return ""
        self._next[seen.instance] = seen.at + AGAIN
        limits = (wanted, *seen.limits[1:])
        try:
            session.ports.backend.set_limits(seen.address, seen.certificate, seen.boot_secret, limits)
        except ErtError as error:
            return f"the guard of instance {seen.instance} keeps its idle limit: {error.summary}"
        return f"the guard of instance {seen.instance} stops it after {wanted} s without use ({self._named})"

    def rest(self, seen: Resting | None) -> float:
        """Take a machine that rests into account; return the seconds until it is to be started, infinity for never."""
        if self._early is None:
            return math.inf
        self._early.see(seen)
        return self._early.wait(seen.at) if seen is not None else math.inf

    def begin(self, seen: Resting | None) -> str:
        """Begin an early start if it is due: set its $ aside, and return the reason; "" if nothing is to be started."""
        if self._early is None or seen is None or self._early.wait(seen.at) > 0:
            return ""
        return self._early.begin(seen)

    def limit(self, seen: GuardSeen) -> int:
        """Return the idle limit of the policy in seconds, 0 for none."""
        assert self._policy is not None, "only a policy has a limit"
        most = least_of(self._deployment.settings.desired.launch.guard.idle_stop, seen.rented)
        worked, early = seen.at - (seen.idle or 0.0), self._uses.kept.open
        if early is not None and early.ready + early.hold > seen.at:
            return min(most, math.ceil((early.ready + early.hold - worked) / MINUTE) * int(MINUTE))
        past = self._uses.kept.past(self._local)
        return idle_limit(self._policy, self._prices(seen), past, self._local(worked), most)

    def _prices(self, seen: GuardSeen) -> Prices:
        prices, _ = prices_of(self._deployment, uses(seen.history))
        return replace(prices, gpu=seen.price) if seen.price > 0 else prices

    def _local(self, at: float) -> float:
        """Return a Unix time as that of a clock on the wall of the users."""
        name = self._deployment.settings.time_zone
        offset = ZoneInfo(name).utcoffset(datetime.fromtimestamp(at, UTC)) if name != "UTC" else None
        return at + (offset.total_seconds() if offset is not None else 0.0)

    @property
    def _named(self) -> str:
        return f"policy/idle: {self._deployment.settings.idle.value}"
