"""The product on the launch market: the engine's own `up`, with ports that act on a session instead of the providers.

Nothing of the launcher is written again here: which offer, how long to wait, when to give up and what to hedge is
decided by `ert_deploy.engine` and `ert_deploy.core`, as with the real providers. Only a backend is asked for, no app.
"""

from __future__ import annotations

import math
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial
from typing import Any, cast

from benchmarks.launch.parameters import (
    DISK_GB,
    HORIZON,
    IMAGE_GB,
    MAX_DPH,
    MAX_INET_COST,
    MIN_INET_DOWN,
    MIN_RELIABILITY,
    MODEL_GB,
    PLAN_HOURS,
)
from benchmarks.launch.rental import LAYERS, Rental
from benchmarks.launch.session import LIST, SLOTS, Launch, Session
from benchmarks.launch.shown import Boot, shown
from ert_deploy.core.launching.manifest import GUARD, Access, Manifest
from ert_deploy.core.model.boot.prefer import Prefer
from ert_deploy.core.model.desired import Criteria, Desired, Phase
from ert_deploy.core.model.desired import Launch as Container
from ert_deploy.core.model.errors import ErtError, OfferGone, StateConflict
from ert_deploy.core.model.events import Event
from ert_deploy.core.model.labels import Mark
from ert_deploy.core.model.machine.figures import Figures
from ert_deploy.core.model.observed import Address, Health, Instance, Offer
from ert_deploy.core.model.provider import ORDINARY, InstanceId
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.model.state import State
from ert_deploy.engine.apply import apply
from ert_deploy.engine.run import Ports, run
from ert_deploy.ports import Account, CreateOrder

EPOCH = 1_790_000_000.0  # Unix time of the start of each launch
AGAIN = 30.0  # s until a user who has read why `up` failed runs it again
CREDIT = 1000.0
GIGABYTE = 10**9


class OverError(Exception):
    """Raised by a port once the launch counts as failed."""


def wanted(*, verified_only: bool, prefer: Prefer = Prefer.TIME) -> Desired:
    """Return the config of every launch: the defaults, a hedge, and the criteria that all policies share."""
    criteria = Criteria(
        max_dph=MAX_DPH, min_reliability=MIN_RELIABILITY, min_inet_down=MIN_INET_DOWN, max_inet_cost=MAX_INET_COST,
        verified=verified_only,
    )  # fmt: skip
    container = Container(
        "ert-llm-backend:1",
        "gpt-oss:20b",
        disk_gb=DISK_GB,
        image_gb=IMAGE_GB,
        model_gb=MODEL_GB,
        hedge=SLOTS,
        prefer=prefer,
    )
    return Desired("ert", Phase.RUNNING, container, criteria, (), plan_hours=PLAN_HOURS, owner="bench-market")


class Gpu:
    """GPU host port: the calls of the market, each with its time."""

    cloud = ORDINARY

    def __init__(self, session: Session) -> None:
        self.session = session
        self.boots: dict[str, Boot] = {}

    def account(self) -> Account:
        return Account(CREDIT, "dev@example.org", "1")

    def account_variables(self) -> tuple[str, ...] | None:
        return ()

    def list_instances(self) -> tuple[Instance, ...]:
        self._take(LIST)
        return tuple(shown(boot, self.session.now) for boot in self.boots.values() if boot.rental.ends == math.inf)

    def get_instance(self, instance_id: InstanceId) -> Instance | None:
        self._take(LIST)
        boot = self.boots.get(instance_id)
        return None if boot is None or boot.rental.ends < math.inf else shown(boot, self.session.now)

    def search(self, criteria: Criteria, launch: Container, *, wide: bool = False) -> tuple[Offer, ...]:
        self._take(0.0)
        return tuple(self.session.search())

    def quote(self, offer: Offer, launch: Container) -> Offer | None:
        self._take(0.0)
        return self.session.listed(offer)

    def await_turn(self, turn: str) -> None:
        """The session spaces the creates of every policy."""

    def create(self, order: CreateOrder) -> InstanceId:
        self._take(0.0)
        rental = self.session.create(order.offer_id)
        if rental is None:
            raise OfferGone("no_such_ask")
        number = InstanceId(str(rental.number))
        self.boots[number] = Boot(rental, number, order)
        return number

    def destroy(self, instance_id: InstanceId) -> None:
        self._take(0.0)
        self.session.destroy(self.boots[instance_id].rental)

    def start(self, instance_id: InstanceId) -> None:
        raise NotImplementedError("nothing is stopped here")

    def stop(self, instance_id: InstanceId) -> None:
        raise NotImplementedError("nothing is stopped here")

    def restart(self, instance_id: InstanceId) -> None:
        raise NotImplementedError("nothing is restarted here")

    def date(self) -> float | None:
        return EPOCH + self.session.now

    def logs(self, instance_id: InstanceId, tail: int) -> str:
        return ""

    def _take(self, seconds: float) -> None:
        self.session.now += seconds
        if self.session.over:
            raise OverError


class Backends:
    """Backend port: the health of a rental at its address. `seen` is when each was first reported as healthy."""

    def __init__(self, gpu: Gpu) -> None:
        self._gpu = gpu
        self.seen: dict[int, float] = {}
        self._keys: dict[Address, tuple[int, tuple[str, ...]]] = {}

    def probe(self, address: Address, mark: Mark, boot_secret: Secret, pinned: str) -> Health:
        boot = next(b for b in self._gpu.boots.values() if b.address == address)
        health, took = boot.health(self._gpu.session.now)
        self._gpu._take(took)
        if boot.rental.is_healthy(self._gpu.session.now - took):
            self.seen.setdefault(boot.rental.number, self._gpu.session.now)
        return health

    def accepts(self, address: Address, certificate: str, key: Secret) -> bool:
        return key.sha256() in self._keys.get(address, (0, ()))[1]

    def figures(self, address: Address, certificate: str, key: Secret) -> Figures:
        return Figures()

    def busy(self, address: Address, certificate: str, key: Secret) -> int:
        return 0

    def keys_in_force(self, address: Address, certificate: str, boot_secret: Secret) -> tuple[int, tuple[str, ...]]:
        return self._keys.get(address, (0, ()))

    def set_keys(
        self, address: Address, certificate: str, boot_secret: Secret, generation: int, hashes: tuple[str, ...]
    ) -> None:
        self._keys[address] = generation, hashes

    def set_limits(self, address: Address, certificate: str, boot_secret: Secret, limits: tuple[int, int, int]) -> None:
        raise NotImplementedError("the limits of a launch never change")


class Store:
    """State store in memory, with conditional writes."""

    def __init__(self) -> None:
        self._state = State("ert")

    def load(self) -> State:
        return self._state

    def save(self, state: State) -> State:
        if state.generation != self._state.generation:
            raise StateConflict("another write came first")
        self._state = replace(state, generation=state.generation + 1)
        return self._state

    def lock(self, run_id: str) -> AbstractContextManager[None]:
        return nullcontext()


class Local:
    """Clock, randomness and the reader of events, of one session."""

    zone = "UTC"

    def __init__(self, gpu: Gpu) -> None:
        self._gpu = gpu
        self._drawn = 0
        self.told: list[Event] = []

    def now(self) -> float:
        return EPOCH + self._gpu.session.now

    def steady(self) -> float:
        return self._gpu.session.now

    def sleep(self, seconds: float) -> None:
        self._gpu._take(max(0.0, seconds))

    def token_bytes(self, count: int) -> bytes:
        self._drawn += 1
        return self._drawn.to_bytes(count, "big")

    def tell(self, event: Event) -> None:
        """Discard it."""


class Manifests:
    """Registries port: what the manifests of the image and of the model are, as any client may read them."""

    def image(self, image: str) -> Manifest:
        """Return the image's manifest, with the layers of which a rental's messages tell."""
        layers = (round(IMAGE_GB * GIGABYTE / LAYERS),) * LAYERS
        return Manifest(Access.FOUND, layers=layers, program=f"python -m {GUARD}")

    def model(self, model: str) -> Manifest:
        """Return the model's manifest: one layer, as nearly all of it is the weights."""
        return Manifest(Access.FOUND, layers=(round(MODEL_GB * GIGABYTE),))


class NoApp:
    """Web host and app ports of a deployment without an app: no method is ever called."""

    def __getattr__(self, name: str) -> Any:
        return partial(_refuse, name)


def _refuse(name: str, *_: object) -> None:
    raise AssertionError(f"{name}: this deployment has no app")


def ports_on(session: Session) -> Ports:
    """Return the ports of a deployment without an app on a session, with an empty state."""
    gpu, none = Gpu(session), NoApp()
    local = Local(gpu)
    return Ports(gpu, none, Backends(gpu), none, Manifests(), Store(), local, local, local)


def launch(session: Session, *, verified_only: bool, prefer: Prefer = Prefer.TIME) -> Launch:
    """Run `up` on a session, again after each failure, until a backend is healthy or the time is over."""
    ports, desired = ports_on(session), wanted(verified_only=verified_only, prefer=prefer)
    backends = cast(Backends, ports.backend)
    try:
        while not _is_up(desired, ports):
            ports.clock.sleep(AGAIN)
    except OverError:
        pass
    kept = [rental for rental in session.live() if rental.number in backends.seen]
    winner: Rental | None = min(kept, key=lambda rental: backends.seen[rental.number], default=None)
    return session.finish(winner, backends.seen[winner.number] if winner is not None else HORIZON)


def _is_up(desired: Desired, ports: Ports) -> bool:
    try:
        run(apply(desired), ports)
    except ErtError:
        return False
    return True
