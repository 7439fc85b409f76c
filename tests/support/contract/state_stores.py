"""State stores that pass one contract suite: those in memory, the simulator's, the local file, S3, and PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ert_deploy.adapters.state.ephemeral import StateNowhere
from ert_deploy.core.model.state import State
from ert_deploy.ports import StateStore
from tests.simulation.faults import Faults
from tests.simulation.stories import WANTED
from tests.simulation.world import Actor, World
from tests.support.contract.simulated import carry_out
from tests.support.fakes.documents import DocumentStore
from tests.support.fakes.loopback import FakeStore
from tests.support.fakes.timing import FakeClock
from tests.support.state.shelf import in_bucket, in_database, in_file

DEPLOYMENT = "ert"


@dataclass
class Rig:
    """`handle` makes an operator's own view of the one stored state."""

    handle: Callable[[], StateStore]


class SimulatedStore:
    """The state of the simulator's world as a StateStore: every call is the effect that the engine would yield."""

    def __init__(self, world: World) -> None:
        self.world = world

    def load(self) -> State:
        return carry_out(self.world, StateStore.load)

    def save(self, state: State) -> State:
        return carry_out(self.world, StateStore.save, state)

    def lock(self, run_id: str) -> AbstractContextManager[None]:
        return nullcontext()


@contextmanager
def simulated() -> Iterator[Rig]:
    """The store of the simulator's world."""
    world = World(Faults())
    world.acting = Actor(WANTED)
    yield Rig(lambda: SimulatedStore(world))


@contextmanager
def fake() -> Iterator[Rig]:
    """The fake of the engine's tests."""
    store = FakeStore(DEPLOYMENT, FakeClock())
    yield Rig(lambda: store)


@contextmanager
def in_memory() -> Iterator[Rig]:
    """The store that keeps a document in memory."""
    store = DocumentStore(DEPLOYMENT, None)
    yield Rig(lambda: store)


@contextmanager
def ephemeral() -> Iterator[Rig]:
    """The store that a run without any state works with."""
    store = StateNowhere(DEPLOYMENT)
    yield Rig(lambda: store)


@contextmanager
def file(folder: Path) -> Iterator[Rig]:
    """A local file."""
    path = folder / "state" / "ert.json"
    path.parent.mkdir(mode=0o700)
    yield Rig(in_file(path).handle)


@contextmanager
def s3(client: Any, bucket: str) -> Iterator[Rig]:
    """An object in S3 (moto's, on loopback)."""
    yield Rig(in_bucket(client, bucket).handle)


@contextmanager
def in_postgres(server: Any) -> Iterator[Rig]:
    """A row of an empty database of a running server."""
    yield Rig(in_database(server, server.database()).handle)


IN_MEMORY = {"fake": fake, "document": in_memory, "ephemeral": ephemeral, "simulator": simulated}
STORES = (*IN_MEMORY, "file", "s3", "postgres")
