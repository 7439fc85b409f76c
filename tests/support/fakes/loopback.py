"""Small in-memory implementations of the ports, connected to one environment with virtual time.

They model the real systems (instances that boot and cost money, services with an environment and deploys) and can be
set to fail, call by call.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from ert_deploy.core.launching.manifest import GUARD, Access, Manifest
from ert_deploy.core.model.errors import Busy, CannotObserve, ErtError, StateConflict
from ert_deploy.core.model.events import Event
from ert_deploy.core.model.plain.state import from_json, to_json
from ert_deploy.core.model.state import State
from ert_deploy.engine.effects import Method
from ert_deploy.engine.run import Ports
from ert_deploy.ports import WebHost
from tests.support.fakes.market import FakeBackend, FakeGpu, FakeInstance, certificate, offer
from tests.support.fakes.timing import FakeClock, FakeEntropy, Plans
from tests.support.fakes.webhost import FakeService, FakeWeb

__all__ = [
    "FakeBackend", "FakeClock", "FakeEntropy", "FakeGpu", "FakeInstance", "FakeRegistries", "FakeService", "FakeStore",
    "FakeWeb", "FakeWorld", "Listener", "Plans", "blind", "certificate", "offer", "world",
]  # fmt: skip


class FakeStore:
    """State in memory, stored as JSON like in the real stores, with the same conditional write."""

    def __init__(self, deployment: str, clock: FakeClock) -> None:
        self.faults = Plans(clock)
        self.deployment = deployment
        self.text = json.dumps(to_json(State(deployment)))
        self.parsed: tuple[str, State] | None = None
        self.holder = ""

    @property
    def state(self) -> State:
        if self.parsed is None or self.parsed[0] is not self.text:
            self.parsed = self.text, from_json(json.loads(self.text))
        return self.parsed[1]

    def lose(self) -> None:
        """Delete the state, as a user might."""
        self.text = json.dumps(to_json(State(self.deployment)))

    def load(self) -> State:
        self.faults.before("load")
        return self.state

    def save(self, state: State) -> State:
        error = self.faults.due("save")
        if error is not None and error.detail != "after":
            raise error
        if state.generation != self.state.generation:
            raise StateConflict("somebody wrote")
        written = replace(state, generation=state.generation + 1)
        self.text = json.dumps(to_json(written))
        if error is not None:
            raise error
        return written

    @contextmanager
    def lock(self, run_id: str) -> Iterator[None]:
        if self.holder:
            raise Busy("another run works on it", self.holder)
        self.holder = run_id
        try:
            yield
        finally:
            self.holder = ""


class Listener:
    """Records every event."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def tell(self, event: Event) -> None:
        self.events.append(event)

    def of(self, kind: type[Event]) -> list[Event]:
        return [e for e in self.events if isinstance(e, kind)]


@dataclass
class FakeRegistries:
    """Registries that have every image and model, unless a manifest was set; they count the questions."""

    images: dict[str, Manifest] = field(default_factory=dict)
    models: dict[str, Manifest] = field(default_factory=dict)
    asked: int = 0

    def image(self, image: str) -> Manifest:
        self.asked += 1
        return self.images.get(image, Manifest(Access.FOUND, program=f"python -m {GUARD}"))

    def model(self, model: str) -> Manifest:
        self.asked += 1
        return self.models.get(model, Manifest(Access.FOUND))


@dataclass
class FakeWorld:
    """All ports, connected."""

    clock: FakeClock
    gpu: FakeGpu
    web: FakeWeb
    backend: FakeBackend
    store: FakeStore
    listener: Listener
    ports: Ports
    registries: FakeRegistries

    def check(self, most: int = 2, call: Method = WebHost.put_env) -> None:
        """Assert the invariants that apply after every single call of that port method."""
        assert len(self.gpu.paid()) <= most, f"{self.gpu.paid()} are paid at once"
        assert not self.gpu.harmed, f"{self.gpu.harmed} were not ours to destroy"
        for service in self.web.services.values() if call in (WebHost.put_env, WebHost.delete_env) else ():
            assert service.neighbours_kept(), f"{service.name} lost or changed a variable that is not ours"


def world(deployment: str = "ert", *services: str, cloud: type[FakeGpu] = FakeGpu) -> FakeWorld:
    """Return a new environment with one service, or with the given ones."""
    clock = FakeClock()
    gpu = cloud(clock)
    web = FakeWeb(clock, *(services or ("dash",)))
    backend, store, listener = FakeBackend(gpu), FakeStore(deployment, clock), Listener()
    registries = FakeRegistries()
    ports = Ports(gpu, web, backend, web, registries, store, clock, FakeEntropy(), listener)
    return FakeWorld(clock, gpu, web, backend, store, listener, ports, registries)


def blind(count: int) -> list[ErtError | None]:
    """Return that many errors of failed lists."""
    return [CannotObserve("no answer")] * count
