"""Web hosts for the contract tests: in memory, one that hides values, the simulator, and Render with the sandbox."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ert_deploy.adapters.clock import CompressedClock
from ert_deploy.adapters.custody.app import AppCustody
from ert_deploy.adapters.custody.web import CustodyWeb
from ert_deploy.core.model.errors import UsageError
from ert_deploy.core.model.observed import WebDeploy
from ert_deploy.core.model.provider import ANY_PLATFORM
from ert_deploy.core.model.secret import Secret
from ert_deploy.engine import effects as e
from ert_deploy.ports import WebHost, WebService
from ert_deploy.providers.render.web import RenderWeb
from ert_deploy.sandbox.runtime.clock import WorldClock
from tests.simulation.faults import Faults
from tests.simulation.interpreter import HANDS
from tests.simulation.world import World
from tests.support.contract.key_custodies import Hiding
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


class Simulated:
    """The simulator's web host: every call is performed as the effect that the engine would yield."""

    def __init__(self) -> None:
        self.world = World(Faults(), (NAME,))
        self.platform = ANY_PLATFORM

    def _carry_out(self, effect: object) -> Any:
        self.world.advance(self.world.now + 0.1)
        return HANDS[type(effect)](self.world, effect)

    def service(self, target: str) -> WebService:
        if target not in self.world.by_name:
            raise UsageError(f"there is no service {target}")  # the engine's effects never request an unknown service
        found: WebService = self._carry_out(e.FindService(target))
        return found

    def read_env(self, service_id: str) -> Mapping[str, Secret]:
        found: Mapping[str, Secret] = self._carry_out(e.ReadEnv(service_id))
        return found

    def read_groups(self, service: WebService) -> Mapping[str, str]:
        found: Mapping[str, str] = self._carry_out(e.ReadGroups(service))
        return found

    def put_env(self, service_id: str, name: str, value: Secret) -> None:
        self._carry_out(e.PutEnv(service_id, name, value))

    def delete_env(self, service_id: str, name: str) -> None:
        self._carry_out(e.DeleteEnv(service_id, name))

    def newest_deploy(self, service_id: str) -> WebDeploy | None:
        found: WebDeploy | None = self._carry_out(e.NewestDeploy(service_id))
        return found

    def deploy(self, service_id: str) -> WebDeploy | None:
        made: WebDeploy | None = self._carry_out(e.StartDeploy(service_id))
        return made

    def get_deploy(self, service_id: str, deploy_id: str) -> WebDeploy:
        found: WebDeploy = self._carry_out(e.GetDeploy(service_id, deploy_id))
        return found

    def failure(self, service: WebService, deploy: WebDeploy) -> str:
        found: str = self._carry_out(e.WhyFailed(service, deploy))
        return found


@contextmanager
def simulated() -> Iterator[Rig]:
    """Return the web host of the simulator."""
    host = Simulated()
    yield Rig(host, lambda holds: advance(holds, lambda: host.world.advance(host.world.now + 5.0)))


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
