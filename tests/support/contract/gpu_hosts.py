"""GPU hosts for the shared contract tests: one in memory, the simulator, and the Vast adapter with the sandbox."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from ert_deploy.core.model.desired import Criteria, Launch
from ert_deploy.core.model.labels import Mark
from ert_deploy.core.model.observed import Instance, Offer
from ert_deploy.core.model.provider import ORDINARY, InstanceId
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.model.state import InstanceRecord, Intent, Tombstone
from ert_deploy.ports import Account, CreateOrder, GpuHost, Turn
from ert_deploy.providers.vast.client import VastHost
from ert_deploy.sandbox.runtime.clock import WorldClock
from tests.simulation.faults import Faults
from tests.simulation.market import machine_of
from tests.simulation.stories import WANTED
from tests.simulation.world import Actor, World
from tests.support.contract.simulated import carry_out
from tests.support.contract.waiting import advance
from tests.support.fakes.another_cloud import AnotherCloud
from tests.support.fakes.market import FakeGpu
from tests.support.fakes.timing import FakeClock
from tests.support.vast.world import KEY, renting

LAUNCH = Launch("llm-backend:1", "gpt-oss:20b", disk_gb=40)
CRITERIA = Criteria(max_dph=0.60)
SPEED = 400.0


def order(offer: Offer, number: int = 1, keys: str = "a" * 64) -> CreateOrder:
    """Return a create call as sent by the engine: labelled, with limits, a boot secret and the hash of a key."""
    token = f"{number:032x}"
    env = {
        "ERT_DEPLOYMENT": "ert", "ERT_TOKEN": token, "ERT_SPEC": "5" * 16, "ERT_BOOT_SECRET": "b" * 64,
        "ERT_KEY_HASHES": keys, "ERT_OWNER": "our-project:0123456789ab", "ERT_IDLE_STOP": "1200",
        "ERT_BOOT_DEADLINE": "2700", "ERT_MAX_LIFETIME": "43200",
    }  # fmt: skip
    return CreateOrder(offer.id, LAUNCH, Mark("ert", token), env)


@dataclass
class Rig:
    """A host and its environment; `wait` lets provider time pass until a condition is true."""

    host: GpuHost
    wait: Callable[[Callable[[], bool]], None]
    running: Callable[[], list[InstanceId]]  # the instances whose GPU costs money now, by the provider's own accounts


class Simulated:
    """The simulator's market as a GpuHost: every call is performed as the effect that the engine would yield.

    The simulator checks that intents, tombstones and starts are saved first, so they are saved here.
    """

    def __init__(self) -> None:
        self.cloud = ORDINARY
        self.world = World(Faults())
        self.world.acting = Actor(WANTED)

    def account(self) -> Account:
        return carry_out(self.world, GpuHost.account)

    def account_variables(self) -> tuple[str, ...] | None:
        return ()

    def list_instances(self) -> tuple[Instance, ...]:
        return carry_out(self.world, GpuHost.list_instances)

    def get_instance(self, instance_id: InstanceId) -> Instance | None:
        return carry_out(self.world, GpuHost.get_instance, instance_id)

    def search(self, criteria: Criteria, launch: Launch, *, wide: bool = False) -> tuple[Offer, ...]:
        return carry_out(self.world, GpuHost.search, criteria, launch, wide=wide)

    def quote(self, offer: Offer, launch: Launch) -> Offer | None:
        return carry_out(self.world, GpuHost.quote, offer, launch)

    def await_turn(self, turn: Turn) -> None:
        pass

    def create(self, order: CreateOrder) -> InstanceId:
        intent = Intent(order.mark.token, self.world.now, order.offer_id, machine_of(order.offer_id))
        self.world.state = replace(self.world.state, intents=(intent,))
        self.world.acting.quoted = order.offer_id
        return carry_out(self.world, GpuHost.create, order)

    def destroy(self, instance_id: InstanceId) -> None:
        tombstone = Tombstone("", instance_id, self.world.now, "")
        self.world.state = replace(self.world.state, tombstones=(*self.world.state.tombstones, tombstone))
        carry_out(self.world, GpuHost.destroy, instance_id)

    def start(self, instance_id: InstanceId) -> None:
        record = InstanceRecord("c" * 32, instance_id, "", self.world.now, "", woken=self.world.now)
        self.world.state = replace(self.world.state, records=(record,))
        carry_out(self.world, GpuHost.start, instance_id)

    def stop(self, instance_id: InstanceId) -> None:
        carry_out(self.world, GpuHost.stop, instance_id)

    def restart(self, instance_id: InstanceId) -> None:
        self.stop(instance_id)
        self.start(instance_id)

    def date(self) -> float | None:
        return self.world.now

    def logs(self, instance_id: InstanceId, tail: int) -> str:
        return "a line"


@contextmanager
def simulated() -> Iterator[Rig]:
    """Return the market of the simulator."""
    host = Simulated()

    def wait(holds: Callable[[], bool]) -> None:
        advance(holds, lambda: host.world.advance(host.world.now + 5.0))

    yield Rig(host, wait, host.world.running)


@contextmanager
def fake() -> Iterator[Rig]:
    """Return the in-memory host of the engine's tests."""
    host = FakeGpu(FakeClock())

    def wait(holds: Callable[[], bool]) -> None:
        advance(holds, lambda: host.clock.go_on(5.0))

    yield Rig(host, wait, lambda: list(host.running()))


@contextmanager
def another() -> Iterator[Rig]:
    """A cloud that is deliberately different."""
    host = AnotherCloud(FakeClock())

    def wait(holds: Callable[[], bool]) -> None:
        advance(holds, lambda: host.clock.go_on(5.0))

    yield Rig(host, wait, lambda: list(host.running()))


@contextmanager
def vast() -> Iterator[Rig]:
    """Return the adapter for Vast.ai, with the official SDK, connected to the sandbox."""
    with renting(speed=SPEED) as renter:
        clock = WorldClock(speed=SPEED)

        def wait(holds: Callable[[], bool]) -> None:
            advance(holds, lambda: clock.sleep(5.0))

        def running() -> list[InstanceId]:
            return [InstanceId(str(row["id"])) for row in renter.double.instances() if row["cur_state"] == "running"]

        yield Rig(VastHost(Secret(KEY), renter.double.url, clock), wait, running)


HOSTS = {"fake": fake, "another cloud": another, "simulator": simulated, "vast": vast}
