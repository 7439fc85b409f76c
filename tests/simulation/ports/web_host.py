"""Web host port of the simulator: environment variables and deploys; only owned variables may be written."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from ert_deploy.core.model.errors import UsageError
from ert_deploy.core.model.observed import DeployKind, WebDeploy
from ert_deploy.core.model.secret import Secret
from ert_deploy.ports import WebService
from tests.simulation.following import are_apart
from tests.simulation.web import NAMES_OF, Service
from tests.simulation.web import TAKES as DEPLOY_TAKES
from tests.simulation.world import Violation, World


def service(world: World, target: str) -> WebService:
    if target not in world.by_name:
        raise UsageError(f"there is no service {target}")
    return world.by_name[target].seen


def read_groups(world: World, service: WebService) -> Mapping[str, str]:
    return {}


def read_env(world: World, service_id: str) -> Mapping[str, Secret]:
    world.acting.read, world.acting.variables = world.calls, dict(world.services[service_id].env)
    return world.acting.variables


def newest_deploy(world: World, service_id: str) -> WebDeploy | None:
    return (world.services[service_id].deploys or (None,))[-1]


def get_deploy(world: World, service_id: str, deploy_id: str) -> WebDeploy:
    for made in reversed(world.services[service_id].deploys):
        if made.id == deploy_id:
            return made
    raise Violation(f"deploy {deploy_id} is read, and there is none")


def failure(world: World, service: WebService, deploy: WebDeploy) -> str:
    return "unhealthy: exited with 1"


@cache
def _owned(replicas: int) -> frozenset[str]:
    return frozenset(name for number in range(1, replicas + 1) for name in NAMES_OF[number].all())


def put_env(world: World, service_id: str, name: str, value: Secret) -> None:
    if name not in _owned(world.replicas):
        raise Violation(f"{name} is not ours to write")
    _has_a_key(world)
    world.changes += 1
    world.services[service_id].env[name] = value


def _has_a_key(world: World) -> None:
    """Check that an agent without a key of the web host changes nothing there."""
    if world.acting.wanted is not None and not world.acting.wanted.publishes:
        raise Violation("a run without the web host changes an app")


def delete_env(world: World, service_id: str, name: str) -> None:
    if name not in _owned(world.replicas):
        raise Violation(f"{name} is not ours to delete")
    _has_a_key(world)
    world.changes += 1
    world.services[service_id].env.pop(name, None)


def deploy(world: World, service_id: str) -> WebDeploy | None:
    service = world.services[service_id]
    _has_a_key(world)
    world.changes += 1
    made = begin_deploy(world, service, fails=world.kind == "fails")
    if world.kind == "superseded" and made is not None:
        service.mark(made, "canceled", DeployKind.REPLACED)
        begin_deploy(world, service, fails=False)
    return made if world.kind != "empty" else None


def begin_deploy(world: World, service: Service, *, fails: bool) -> WebDeploy | None:
    """Start a deploy, by any client of the service, or queue it and return None: a queued deploy has no id yet."""
    if service.in_flight() is not None:
        service.queued = True
        return None
    world.numbers += 1
    made = service.start(world.numbers, world.now, fails)
    world.later(DEPLOY_TAKES, _deployed, (service, made.id))
    return made


def _deployed(world: World, what: tuple[Service, str]) -> None:
    service = what[0]
    if service.end(what[1], world.now):
        begin_deploy(world, service, fails=False)
    are_apart(world, service)
    for made in () if world.beyond else world.paid.values():
        # If keys were never rotated, two concurrent create calls may result in the address of one machine and the key
        # of the other.
        if made.generation and not service.in_use(Secret(made.url()), world.now) <= {*made.keys}:
            raise Violation(f"{service.name} now uses a key that its backend does not take")
