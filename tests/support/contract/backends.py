"""Backends that pass one contract suite: the fake, the simulator's, and the TLS client with the real backend."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ert_backend.terms import read_terms
from ert_deploy.adapters.backend.probe import TlsBackendProbe
from ert_deploy.core.model.labels import Mark
from ert_deploy.core.model.observed import Address
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.model.state import InstanceRecord
from ert_deploy.ports import BackendProbe, CreateOrder, GpuHost
from tests.simulation.world import World
from tests.support.backend import rig as real
from tests.support.contract.gpu_hosts import CRITERIA, LAUNCH, Simulated, order
from tests.support.contract.simulated import port
from tests.support.contract.waiting import advance
from tests.support.doubles.scripted_ollama import ScriptedOllama
from tests.support.fakes.market import FakeBackend, FakeGpu
from tests.support.fakes.timing import FakeClock, FakeEntropy

FIRST, SECOND = Secret(real.KEY), Secret(real.NEXT_KEY)  # the keys that each backend is created with
KEYS = (FIRST.sha256(), SECOND.sha256())


@dataclass
class Rig:
    """A probe, and the backend at `address` with its mark and boot secret; `wait` lets its time pass."""

    probe: BackendProbe
    address: Address
    mark: Mark
    boot_secret: Secret
    wait: Callable[[Callable[[], bool]], None]


def simulated_probe(world: World) -> BackendProbe:
    """The simulator's backends; the simulator checks that new keys are saved first, so they are saved here."""
    made: Any = port(world, BackendProbe)
    send = made.set_keys

    def set_keys(
        address: Address, certificate: str, boot_secret: Secret, generation: int, hashes: tuple[str, ...]
    ) -> None:
        (record,) = world.state.records
        world.state = world.state.put_record(replace(record, asked=hashes))
        send(address, certificate, boot_secret, generation, hashes)

    made.set_keys = set_keys
    probe: BackendProbe = made
    return probe


@contextmanager
def simulated() -> Iterator[Rig]:
    """A backend of the simulator's world."""
    host = Simulated()
    host.world.services.clear()  # no app runs with it: a key in use may not be taken away
    rented = order(host.search(CRITERIA, LAUNCH)[0], keys=",".join(KEYS))
    made = host.create(rented)

    def wait(holds: Callable[[], bool]) -> None:
        advance(holds, lambda: host.world.advance(host.world.now + 5.0))

    wait(lambda: has_address(host, made))
    host.world.state = replace(
        host.world.state, records=(InstanceRecord(rented.mark.token, made, "1", host.world.now),)
    )
    yield Rig(simulated_probe(host.world), address_of(host, made), rented.mark, boot_secret_of(rented), wait)


@contextmanager
def fake() -> Iterator[Rig]:
    """The fake of the engine's tests."""
    host = FakeGpu(FakeClock())
    rented = order(host.search(CRITERIA, LAUNCH)[0], keys=",".join(KEYS))
    made = host.create(rented)

    def wait(holds: Callable[[], bool]) -> None:
        advance(holds, lambda: host.clock.go_on(5.0))

    wait(lambda: has_address(host, made))
    yield Rig(FakeBackend(host), address_of(host, made), rented.mark, boot_secret_of(rented), wait)


@contextmanager
def real_backend() -> Iterator[Rig]:
    """The TLS client against the real backend program, whose model server is a script."""

    def wait(holds: Callable[[], bool]) -> None:
        real.wait_for(holds)

    with (
        tempfile.TemporaryDirectory() as folder,
        ScriptedOllama() as ollama,
        real.running(Path(folder), ollama.host, terms=read_terms({"ERT_RUN": "a guard's"})) as app,
    ):
        probe = TlsBackendProbe(FakeEntropy(), allow_loopback=True, total=3.0)
        mark = Mark(real.ENV["ERT_DEPLOYMENT"], real.ENV["ERT_TOKEN"])
        yield Rig(probe, Address("127.0.0.1", app.port), mark, Secret(real.SECRET), wait)


def has_address(host: GpuHost, made: InstanceId) -> bool:
    """Whether the instance runs and its port is known."""
    found = host.get_instance(made)
    return found is not None and found.status == "running" and found.address is not None


def address_of(host: GpuHost, made: InstanceId) -> Address:
    """The address of a running instance."""
    found = host.get_instance(made)
    assert found is not None
    assert found.address is not None
    return found.address


def boot_secret_of(rented: CreateOrder) -> Secret:
    """The boot secret that an instance is created with."""
    return Secret(rented.env["ERT_BOOT_SECRET"])


BACKENDS = {"fake": fake, "simulator": simulated, "real": real_backend}
