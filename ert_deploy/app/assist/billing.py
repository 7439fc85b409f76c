"""What bills: the instances of a deployment with their prices, for whoever has interrupted a command."""

from __future__ import annotations

from dataclasses import dataclass

from ert_deploy.app.deployment import Config, opened
from ert_deploy.app.external.rented_only import must_list
from ert_deploy.app.outcome import accessible
from ert_deploy.core.model.provider import InstanceId


@dataclass(frozen=True, slots=True)
class Bill:
    """One instance and what it costs now, in $/h: the disk alone when it is `asleep`."""

    instance: InstanceId
    hourly: float
    asleep: bool


@dataclass(frozen=True, slots=True)
class Billing:
    """All instances of a deployment that cost money; `sandbox`: none of it is real.

    `unsettled` is the number of create calls whose outcome is not known, so that more may appear.
    """

    deployment: str
    instances: tuple[Bill, ...] = ()
    unsettled: int = 0
    sandbox: bool = False

    @property
    def hourly(self) -> float:
        """The sum of the prices in $/h."""
        return sum(bill.hourly for bill in self.instances)


def billing(config: Config = None) -> Billing:
    """Read the GPU provider once. Raises UsageError, CannotObserve, and the errors of the store."""
    deployment = opened(config)
    sandbox = deployment.settings.sandbox is not None
    if not deployment.sandbox_runs():
        return Billing(deployment.name, sandbox=True)
    session = deployment.session(web=False)
    must_list(session)
    bills = (Bill(i.id, i.disk_dph if i.stopped else i.dph, i.stopped) for i in accessible(session))
    unsettled = len(session.ports.store.load().intents)
    return Billing(deployment.name, tuple(sorted(bills, key=lambda bill: bill.instance)), unsettled, sandbox)
