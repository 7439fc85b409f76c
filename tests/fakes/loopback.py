"""Small honest fakes of the ports: a world in memory with virtual time.

They hold what the real systems hold (instances that boot, services with an environment and deploys) and can be told
to fail. Every effect moves virtual time a little, so that nothing can depend on two things happening at once.
"""

from __future__ import annotations

import hashlib
import itertools
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from ert_deploy.core.configuration import fingerprint
from ert_deploy.core.errors import CannotObserve, ErtError, OfferGone, OutcomeUnknown, StateConflict
from ert_deploy.core.events import Event
from ert_deploy.core.labels import Mark
from ert_deploy.core.model import Criteria, Launch, OwnedNames, Target
from ert_deploy.core.observed import Address, DeployKind, Health, Instance, Offer, Vital, WebDeploy
from ert_deploy.core.secret import Secret
from ert_deploy.core.state import State
from ert_deploy.engine.run import Ports
from ert_deploy.ports import Account, CreateOrder, WebService

PEM = "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n"


def certificate(token: str) -> str:
    """A PEM-shaped certificate that belongs to one token."""
    import base64

    return PEM.format(base64.b64encode(hashlib.sha256(token.encode()).digest()).decode())


class FakeClock:
    """Virtual time that only moves when somebody sleeps."""

    def __init__(self, start: float = 1_000_000.0) -> None:
        self.time = start
        self.slept = 0.0

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.time += seconds
        self.slept += seconds


@dataclass
class Plans:
    """Faults by operation: a list of exceptions (or None for "let it through") used up call by call."""

    queued: dict[str, list[ErtError | None]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)

    def due(self, operation: str) -> ErtError | None:
        self.calls.append(operation)
        waiting = self.queued.get(operation, [])
        return waiting.pop(0) if waiting else None

    def before(self, operation: str) -> None:
        error = self.due(operation)
        if error is not None:
            raise error


@dataclass
class FakeInstance:
    """One instance and when it was made; `boot` seconds until healthy."""

    order: CreateOrder
    id: int
    machine_id: int
    made: float
    boot: float = 60.0
    destroyed: float | None = None
    override: Callable[[Instance], Instance] | None = None
    health: Health | None = None


def offer(number: int, **changes: object) -> Offer:
    """An offer that passes the default criteria."""
    base = Offer(
        id=number, machine_id=number + 1000, gpu_name="RTX 3090", gpu_ram_mb=24576.0, dph_total=0.20 + number / 1000,
        reliability=0.995, inet_down=900.0, inet_down_cost=0.005, cuda=12.8, ports=8, duration=30 * 86400.0,
        disk_gb=200.0, geolocation="Sweden, SE",
    )
    return replace(base, **changes)  # type: ignore[arg-type]


class FakeGpu:
    """A market and its instances. Creates take effect at once unless the fault says otherwise."""

    def __init__(self, clock: FakeClock, offers: tuple[Offer, ...] = ()) -> None:
        self.clock = clock
        self.offers = offers or tuple(offer(n) for n in range(1, 9))
        self.instances: dict[int, FakeInstance] = {}
        self.foreign: list[Instance] = []
        self.faults = Plans()
        self.numbers = itertools.count(500)
        self.credit = 10.0
        self.late: list[tuple[float, CreateOrder]] = []
        self.most_paid = 0

    def account(self) -> Account:
        self.faults.before("account")
        return Account(self.credit, "dev@example.org")

    def list_instances(self) -> tuple[Instance, ...]:
        self.faults.before("list")
        self._land()
        return (*self.foreign, *(self._show(i) for i in self.instances.values() if i.destroyed is None))

    def get_instance(self, instance_id: int) -> Instance | None:
        self.faults.before("get")
        found = self.instances.get(instance_id)
        return self._show(found) if found is not None and found.destroyed is None else None

    def search(self, criteria: Criteria, launch: Launch, *, wide: bool = False) -> tuple[Offer, ...]:
        self.faults.before("search")
        return self.offers

    def create(self, order: CreateOrder) -> int:
        error = self.faults.due("create")
        if isinstance(error, OfferGone):
            raise error
        if isinstance(error, OutcomeUnknown) and error.detail.startswith("late"):
            self.late.append((self.clock.now() + float(error.detail.split()[1]), order))
            raise error
        if isinstance(error, OutcomeUnknown) and error.detail == "before":
            raise error
        made = self._make(order)
        if error is not None:
            raise error
        return made

    def destroy(self, instance_id: int) -> None:
        error = self.faults.due("destroy")
        if error is not None and error.detail != "after":
            raise error
        found = self.instances.get(instance_id)
        if found is not None and found.destroyed is None:
            found.destroyed = self.clock.now()
        if error is not None:
            raise error

    def logs(self, instance_id: int, tail: int) -> str:
        return f"log of {instance_id}"

    def paid(self) -> tuple[int, ...]:
        """Instances that bill now."""
        return tuple(i.id for i in self.instances.values() if i.destroyed is None)

    def _land(self) -> None:
        for due, order in [x for x in self.late if x[0] <= self.clock.now()]:
            self.late.remove((due, order))
            self._make(order)

    def _make(self, order: CreateOrder) -> int:
        number = next(self.numbers)
        machine = next(o.machine_id for o in self.offers if o.id == order.offer_id)
        self.instances[number] = FakeInstance(order, number, machine, self.clock.now())
        self.most_paid = max(self.most_paid, len(self.paid()))
        return number

    def _show(self, made: FakeInstance) -> Instance:
        env = made.order.env
        up = self.clock.now() - made.made >= made.boot / 2
        shown = Instance(
            id=made.id,
            mark=made.order.mark,
            claims=made.order.mark.deployment,
            status="running" if up else "loading",
            intended="running",
            current="running",
            message=f"at {int(self.clock.now() - made.made)} s",
            machine_id=made.machine_id,
            gpu_name="RTX 3090",
            dph=0.2,
            started=made.made,
            address=Address("203.0.113.7", 40000 + made.id) if up else None,
            spec=env["ERT_SPEC"],
            key_hashes=(env["ERT_KEY_HASHES"],),
            boot_secret=Secret(env["ERT_BOOT_SECRET"]),
        )
        return made.override(shown) if made.override else shown


class FakeBackend:
    """Probes the instances of a FakeGpu: loading, then healthy with a certificate of its own."""

    def __init__(self, gpu: FakeGpu) -> None:
        self.gpu = gpu
        self.refuses_key = False

    def probe(self, address: Address, mark: Mark, boot_secret: Secret, pinned: str) -> Health:
        made = next((i for i in self.gpu.instances.values() if i.order.mark == mark and i.destroyed is None), None)
        if made is None:
            return Health(Vital.UNREACHABLE, "no route")
        if made.health is not None:
            return made.health
        age = self.gpu.clock.now() - made.made
        if age < made.boot:
            return Health(Vital.LOADING, phase="pulling", completed=int(age), total=int(made.boot))
        pem = certificate(mark.token)
        return Health(Vital.HEALTHY, certificate=pem, model="m", engine="ollama 0.35.0")

    def accepts(self, address: Address, certificate: str, key: Secret) -> bool:
        return not self.refuses_key


@dataclass
class FakeService:
    """A web service: its environment, the snapshot that runs, and its deploys."""

    id: str
    name: str
    env: dict[str, Secret] = field(default_factory=dict)
    running: dict[str, Secret] = field(default_factory=dict)
    deploys: list[tuple[WebDeploy, dict[str, Secret]]] = field(default_factory=list)
    suspended: str = ""


class FakeWeb:
    """A web host. A deploy takes `takes` seconds and then the snapshot of its start runs."""

    def __init__(self, clock: FakeClock, *names: str) -> None:
        self.clock = clock
        self.services = {n: FakeService(f"srv-{n}", n, {"OTHER": Secret("kept")}) for n in names}
        self.faults = Plans()
        self.takes = 30.0
        self.ending = "live"
        self.shows: str | None = ""
        self.numbers = itertools.count(1)

    def service(self, target: str) -> WebService:
        self.faults.before("service")
        found = self.services[target]
        return WebService(found.id, found.name, f"https://{found.name}.example.org", "tea-1", found.suspended)

    def read_env(self, service_id: str) -> Mapping[str, Secret]:
        self.faults.before("read_env")
        return dict(self._find(service_id).env)

    def put_env(self, service_id: str, name: str, value: Secret) -> None:
        self.faults.before("put_env")
        self._find(service_id).env[name] = value

    def delete_env(self, service_id: str, name: str) -> None:
        self.faults.before("delete_env")
        self._find(service_id).env.pop(name, None)

    def newest_deploy(self, service_id: str) -> WebDeploy | None:
        self.faults.before("newest_deploy")
        deploys = self._settled(service_id).deploys
        return deploys[-1][0] if deploys else None

    def deploy(self, service_id: str) -> WebDeploy | None:
        error = self.faults.due("deploy")
        if error is not None and error.detail == "empty":
            return None
        if error is not None:
            raise error
        service = self._settled(service_id)
        made = WebDeploy(f"dep-{next(self.numbers)}", "update_in_progress", DeployKind.IN_FLIGHT, self.clock.now())
        service.deploys.append((made, dict(service.env)))
        return made

    def get_deploy(self, service_id: str, deploy_id: str) -> WebDeploy:
        self.faults.before("get_deploy")
        return next(d for d, _ in self._settled(service_id).deploys if d.id == deploy_id)

    def failure(self, service: WebService, deploy: WebDeploy) -> str:
        return "unhealthy: exited with 1\nlast line of the log"

    def fingerprint(self, app_url: str, target: Target) -> str | None:
        """The AppProbe of the same world: what the running snapshot shows."""
        name = app_url.removeprefix("https://").removesuffix(".example.org")
        if self.shows != "":
            return self.shows
        running = self._settled(self.services[name].id).running
        own = {k: v for k, v in running.items() if k in OwnedNames().all() and k != target.names.fingerprint}
        shown = running.get(target.names.fingerprint)
        return shown.reveal() if shown is not None and shown.reveal() == fingerprint(own) else None

    def _find(self, service_id: str) -> FakeService:
        return next(s for s in self.services.values() if s.id == service_id)

    def _settled(self, service_id: str) -> FakeService:
        service = self._find(service_id)
        for index, (made, env) in enumerate(service.deploys):
            if made.kind is DeployKind.IN_FLIGHT and self.clock.now() - made.created >= self.takes:
                kind = DeployKind.LIVE if self.ending == "live" else DeployKind.FAILED
                service.deploys[index] = (replace(made, status=self.ending, kind=kind), env)
                if kind is DeployKind.LIVE:
                    service.running = env
        return service


class FakeStore:
    """State in memory with the same conditional write as the real stores."""

    def __init__(self, deployment: str) -> None:
        self.state = State(deployment)
        self.faults = Plans()
        self.locked = False

    def load(self) -> State:
        self.faults.before("load")
        return self.state

    def save(self, state: State) -> State:
        self.faults.before("save")
        if state.generation != self.state.generation:
            raise StateConflict("somebody wrote")
        self.state = replace(state, generation=state.generation + 1)
        return self.state

    @contextmanager
    def lock(self, run_id: str) -> Iterator[None]:
        self.locked = True
        yield
        self.locked = False


class FakeEntropy:
    """Repeatable bytes."""

    def __init__(self, seed: int = 7) -> None:
        self.random = random.Random(seed)

    def token_bytes(self, count: int) -> bytes:
        return self.random.randbytes(count)


class Listener:
    """Keeps every event."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def tell(self, event: Event) -> None:
        self.events.append(event)

    def of(self, kind: type[Event]) -> list[Event]:
        return [e for e in self.events if isinstance(e, kind)]


@dataclass
class FakeWorld:
    """All of it, wired."""

    clock: FakeClock
    gpu: FakeGpu
    web: FakeWeb
    backend: FakeBackend
    store: FakeStore
    listener: Listener
    ports: Ports


def world(deployment: str = "ert", *services: str) -> FakeWorld:
    """A fresh world with one service, or those named."""
    clock = FakeClock()
    gpu = FakeGpu(clock)
    web = FakeWeb(clock, *(services or ("dash",)))
    backend, store, listener = FakeBackend(gpu), FakeStore(deployment), Listener()
    ports = Ports(gpu, web, backend, web, store, clock, FakeEntropy(), listener)
    return FakeWorld(clock, gpu, web, backend, store, listener, ports)


def blind(count: int) -> list[ErtError | None]:
    """That many lists that fail."""
    return [CannotObserve("no answer")] * count
