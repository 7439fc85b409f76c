"""Web hosts for the contract tests: in memory, one that hides values, the simulator, and Render with the sandbox."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from ert_deploy.adapters.clock import CompressedClock
from ert_deploy.adapters.custody.app import AppCustody
from ert_deploy.adapters.custody.web import CustodyWeb
from ert_deploy.core.model.provider import ANY_PLATFORM
from ert_deploy.core.model.secret import Secret
from ert_deploy.ports import LogLine, WebHost, WebService
from ert_deploy.providers.render.web import RenderWeb
from ert_deploy.sandbox.runtime.clock import WorldClock
from tests.simulation.faults import Faults
from tests.simulation.world import World
from tests.support.contract.key_custodies import Hiding
from tests.support.contract.simulated import port
from tests.support.contract.waiting import advance
from tests.support.fakes.timing import FakeClock
from tests.support.fakes.webhost import FakeWeb
from tests.support.render.world import KEY, running

NAME = "dashboard"
SPEED = 200.0


@dataclass
class Rig:
    """A host with the service `dashboard`; `wait` lets its time pass until a condition is true."""

    host: WebHost
    wait: Callable[[Callable[[], bool]], None]


@contextmanager
def simulated() -> Iterator[Rig]:
    """Return the web host of the simulator."""
    world = World(Faults(), (NAME,))
    yield Rig(
        port(world, WebHost, platform=ANY_PLATFORM, logs=partial(deploy_log, world)),
        lambda holds: advance(holds, lambda: world.advance(world.now + 5.0)),
    )


def deploy_log(world: World, service: WebService, tail: int) -> tuple[LogLine, ...]:
    """Return a log with a line for each deploy: no run of the engine reads it."""
    return tuple(LogLine(world.now, f"==> {deploy.id}") for deploy in world.services[service.id].deploys)[-tail:]


@contextmanager
def fake() -> Iterator[Rig]:
    """Return the in-memory host of the engine's tests."""
    clock = FakeClock()
    yield Rig(FakeWeb(clock, NAME), lambda holds: advance(holds, lambda: clock.go_on(5.0)))


@contextmanager
def render() -> Iterator[Rig]:
    """Return the adapter for Render, connected to the sandbox, which runs the app as a process."""
    with running(speed=SPEED) as world:
        same = WorldClock(speed=SPEED)
        clock = CompressedClock(SPEED, same.epoch_wall, same.epoch_world)
        host = RenderWeb(Secret(KEY), world.double.url, clock)
        yield Rig(host, lambda holds: advance(holds, lambda: same.sleep(5.0)))


@contextmanager
def hiding() -> Iterator[Rig]:
    """A host that shows no value, with a custody around it."""
    clock = FakeClock()
    host = CustodyWeb(Hiding(FakeWeb(clock, NAME)), AppCustody(), {}, lambda _: "")
    yield Rig(host, lambda holds: advance(holds, lambda: clock.go_on(5.0)))


HOSTS = {"fake": fake, "hiding": hiding, "simulator": simulated, "render": render}
