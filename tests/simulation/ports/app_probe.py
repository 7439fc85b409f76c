"""App probe port of the simulator: what the running version of a service reports."""

from __future__ import annotations

from ert_deploy.core.model.desired import Target
from ert_deploy.ports import AppAnswer
from tests.simulation.world import World


def fingerprint(world: World, app_url: str, target: Target) -> str | None:
    service = world.by_url.get(app_url)
    number = int(target.health_field.partition("_")[2] or 1)
    world.acting.compared[number] = world.calls
    return service.shown.get(number) if service is not None and world.kind != "silent" else None


def answer(world: World, app_url: str, target: Target) -> AppAnswer:
    return AppAnswer(200 if app_url in world.by_url else 0)
