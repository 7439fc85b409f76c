"""GPU host that notes what changes the cost of machines: the lists, each accepted destruction, the price of downloads.

It calls nothing by itself and delays nothing: what was noted is written into the ledger after the run.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from ert_deploy.adapters.passing_host import PassingHost
from ert_deploy.core.model.desired import Criteria, Launch
from ert_deploy.core.model.observed import Instance, Offer
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.ports import Clock, CreateOrder, GpuHost

Bills: TypeAlias = "dict[InstanceId, tuple[str, float, float]]"  # state of the machine, price, and that of its disk


@dataclass(slots=True)
class Noted:
    """What was seen of the machines. `looks` are the lists that differ, with their times by the provider's clock.

    `ended` is when a destruction was accepted, `traffic` the $ of the download of a machine that was rented, at most.
    """

    looks: list[tuple[float, tuple[Instance, ...]]] = field(default_factory=list)
    ended: dict[InstanceId, float] = field(default_factory=dict)
    traffic: dict[InstanceId, float] = field(default_factory=dict)


class MeteredHost(PassingHost):
    """`host`, whose calls are noted in `noted`."""

    def __init__(self, host: GpuHost, clock: Clock) -> None:
        super().__init__(host)
        self.noted = Noted()
        self._clock = clock
        self._prices: dict[str, float] = {}
        self._last: Bills | None = None

    def list_instances(self) -> tuple[Instance, ...]:
        """Return all instances, and note a list in which anything costs something else."""
        found = self._host.list_instances()
        bills = {one.id: (one.power.value, one.dph, one.disk_dph) for one in found}
        if bills != self._last:
            self._last = bills
            self.noted.looks.append((self.now(), found))
        return found

    def search(self, criteria: Criteria, launch: Launch, *, wide: bool = False) -> tuple[Offer, ...]:
        """Return offers, and note what a download costs there."""
        found = self._host.search(criteria, launch, wide=wide)
        self._prices.update((offer.id, offer.inet_down_cost) for offer in found)
        return found

    def create(self, order: CreateOrder) -> InstanceId:
        """Send one create call, and note what it downloads."""
        made = self._host.create(order)
        gigabytes = order.launch.image_gb + order.launch.model_gb
        self.noted.traffic[made] = gigabytes * self._prices.get(order.offer_id, 0.0)
        return made

    def destroy(self, instance_id: InstanceId) -> None:
        """Delete an instance, and note when that was accepted."""
        self._host.destroy(instance_id)
        self.noted.ended.setdefault(instance_id, self.now())

    def now(self) -> float:
        """Return the time of the provider, or of this machine before its first reply."""
        said = self._host.date()
        return self._clock.now() if said is None else said
