"""`offers`: the offers on the market, the best first. No machine is rented."""

from __future__ import annotations

from dataclasses import dataclass

from ert_deploy.adapters.clock import zone_of
from ert_deploy.app.deployment import SILENT, Config, Progress, opened
from ert_deploy.app.external.rented_only import rented_only
from ert_deploy.app.market import ranked
from ert_deploy.core.launching.interval import Interval
from ert_deploy.core.model.desired import Desired
from ert_deploy.core.model.state import Denied
from ert_deploy.core.planning.offers import Choice
from ert_deploy.engine.market.cost_range import cost_range
from ert_deploy.engine.market.racing import reorder
from ert_deploy.engine.run_context import RunMemory


@dataclass(frozen=True, slots=True)
class Offers:
    """The accepted and rejected offers, the criteria, and which machines and hosts are denied because of failures.

    `between` are the $ that most runs stay within; None if no offer matches. `sandbox`: the offers and their
    prices are made up.
    """

    choice: Choice
    desired: Desired
    denied: tuple[Denied, ...] = ()
    sandbox: bool = False
    between: Interval | None = None

    @property
    def zone(self) -> str:
        """How its times are marked."""
        return zone_of(self.sandbox)


def offers(config: Config = None, *, progress: Progress = SILENT) -> Offers:
    """Sort the offers on the market as `up` would rent them, and list the rejected ones with reasons.

    Raises UsageError, also where the sandbox of the config does not run; CannotObserve, and the errors of the store.
    """
    deployment = opened(config)
    rented_only(deployment, "offers")
    session = deployment.session(progress, web=False)
    desired = session.desired
    state = session.ports.store.load()
    now, choice = session.ports.clock.now(), ranked(session, desired, state)
    memory = RunMemory(ranked=choice.ranked)
    reorder(desired, state, memory, 0.0)
    between = cost_range(memory.ranked, desired, memory) if memory.ranked else None
    denied = tuple(d for d in state.denied if d.until > now)
    return Offers(Choice(memory.ranked, choice.rejected), desired, denied, session.in_sandbox, between)
