"""App probes for the contract tests: in memory, the simulator, and HTTP with an app in the sandbox of Render."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ert_deploy.adapters.app.probe import HttpAppProbe
from ert_deploy.adapters.clock import CompressedClock
from ert_deploy.core.model.provider import ANY_PLATFORM
from ert_deploy.core.model.secret import Secret
from ert_deploy.ports import AppProbe, WebHost
from ert_deploy.providers.render.web import RenderWeb
from ert_deploy.sandbox.runtime.clock import WorldClock
from tests.simulation.faults import Faults
from tests.simulation.world import World
from tests.support.contract.simulated import port
from tests.support.contract.waiting import advance
from tests.support.contract.web_hosts import NAME, SPEED
from tests.support.fakes.timing import FakeClock
from tests.support.fakes.webhost import FakeWeb
from tests.support.render.world import KEY, running

APP = Path(__file__).parents[2] / "kills" / "standin_app.py"  # reports the fingerprint of its environment


@dataclass
class Rig:
    """A probe, the host of the service `dashboard`, an address without an app, and a wait until a condition is true."""

    probe: AppProbe
    host: WebHost
    nowhere: str
    wait: Callable[[Callable[[], bool]], None]


@contextmanager
def fake() -> Iterator[Rig]:
    """The fake of the engine's tests."""
    clock = FakeClock()
    web = FakeWeb(clock, NAME)
    yield Rig(web, web, "https://nowhere.example.org", lambda holds: advance(holds, lambda: clock.go_on(5.0)))


@contextmanager
def simulated() -> Iterator[Rig]:
    """The apps of the simulator's world."""
    world = World(Faults(), (NAME,))

    def wait(holds: Callable[[], bool]) -> None:
        advance(holds, lambda: world.advance(world.now + 5.0))

    host = port(world, WebHost, platform=ANY_PLATFORM)
    yield Rig(port(world, AppProbe), host, "https://nowhere.example.org", wait)


@contextmanager
def sandbox() -> Iterator[Rig]:
    """The HTTP client with an app that the sandbox's Render runs as a process."""
    with (
        running(speed=SPEED, command=lambda port: [sys.executable, "-I", "-S", str(APP)]) as world,
        socket.socket() as closed,
    ):
        closed.bind(("127.0.0.1", 0))  # not listening: connections are refused
        same = WorldClock(speed=SPEED)
        clock = CompressedClock(SPEED, same.epoch_wall, same.epoch_world)
        host = RenderWeb(Secret(KEY), world.double.url, clock)
        nowhere = f"http://127.0.0.1:{closed.getsockname()[1]}"
        yield Rig(HttpAppProbe(clock), host, nowhere, lambda holds: advance(holds, lambda: same.sleep(5.0)))


PROBES = {"fake": fake, "simulator": simulated, "sandbox": sandbox}
