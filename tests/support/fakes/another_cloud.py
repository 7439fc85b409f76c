"""A GPU cloud that is deliberately different: no number is an id, one status field, no bids, and a stop loses the disk.

Ids run backwards, so that the younger of two sorts first, and the newest instance is listed first.
"""

from __future__ import annotations

from dataclasses import replace

from ert_deploy.core.model.desired import Market
from ert_deploy.core.model.errors import CreateRefused, Rejected
from ert_deploy.core.model.observed import Instance, Offer, Power
from ert_deploy.core.model.provider import Cloud, InstanceId
from ert_deploy.ports import CreateOrder
from ert_deploy.providers.vast.messages import read
from tests.support.fakes.market import FakeGpu, FakeInstance, offer
from tests.support.fakes.timing import FakeClock

STATES = {"PENDING": Power.STARTING, "ACTIVE": Power.RUNNING, "SHUTOFF": Power.STOPPED}


class AnotherCloud(FakeGpu):
    """Servers of a few kinds; a stopped one is an empty shell that only a destruction ends."""

    def __init__(self, clock: FakeClock, offers: tuple[Offer, ...] = ()) -> None:
        kinds = (replace(offer(n), id=f"gpu.small.{n:x}", machine_id=f"host-{n:04x}") for n in range(1, 13))
        super().__init__(clock, offers or tuple(kinds))
        self.cloud = Cloud(keeps_disk=False, bids=False)

    def list_instances(self) -> tuple[Instance, ...]:
        return tuple(reversed(super().list_instances()))

    def create(self, order: CreateOrder) -> InstanceId:
        if order.launch.market is Market.INTERRUPTIBLE:
            raise CreateRefused("there are no bids here")
        return super().create(order)

    def start(self, instance_id: InstanceId) -> None:
        if self._existing(instance_id).halted:
            raise Rejected(f"{instance_id} has no disk to start from")

    def _name(self, number: int) -> InstanceId:
        return InstanceId(f"i-{0xFFFF - number:04x}")

    def _show(self, made: FakeInstance) -> Instance:
        shown = super()._show(made)
        state = "SHUTOFF" if made.halted else "ACTIVE" if shown.power is Power.RUNNING else "PENDING"
        shown = replace(shown, status=state, power=STATES[state], ended=made.halted, message=read(""), bid=False)
        return made.override(shown) if made.override else shown
