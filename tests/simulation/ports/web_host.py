"""Web host port of the simulator: environment variables and deploys; only owned variables may be written."""

from __future__ import annotations

from ert_deploy.core.model.observed import DeployKind, WebDeploy
from ert_deploy.core.model.secret import Secret
from ert_deploy.engine import effects as e
from tests.simulation.market import HOST
from tests.simulation.web import OWNED, Service
from tests.simulation.web import TAKES as DEPLOY_TAKES
from tests.simulation.world import Violation, World


def put_env(world: World, effect: e.PutEnv) -> None:
    if effect.name not in OWNED:
        raise Violation(f"{effect.name} is not ours to write")
    world.changes += 1
    world.services[effect.service_id].env[effect.name] = effect.value


def delete_env(world: World, effect: e.DeleteEnv) -> None:
    if effect.name not in OWNED:
        raise Violation(f"{effect.name} is not ours to delete")
    world.changes += 1
    world.services[effect.service_id].env.pop(effect.name, None)


def deploy(world: World, effect: e.StartDeploy) -> WebDeploy | None:
    service = world.services[effect.service_id]
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
    for made in () if world.beyond else world.paid.values():
        # If keys were never rotated, two concurrent create calls may result in the address of one machine and the key
        # of the other.
        if made.generation and not service.in_use(Secret(f"https://{HOST}:{made.port}"), world.now) <= {*made.keys}:
            raise Violation(f"{service.name} now uses a key that its backend does not take")
