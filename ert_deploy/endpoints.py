"""Endpoints of a run: URL and key of both providers, the clock and the launch, of the real ones or of the sandbox."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from ert_deploy.config import Endpoint, Provider, Settings, read_key, read_variables
from ert_deploy.core import redaction
from ert_deploy.core.model.desired import Launch
from ert_deploy.core.model.errors import UsageError
from ert_deploy.core.model.secret import Secret
from ert_deploy.ports import Clock

if TYPE_CHECKING:
    from ert_deploy.sandbox.world.file import WorldFile


def clock_of(world: WorldFile | None) -> Clock:
    """Return the clock of the running sandbox, or that of this computer."""
    from ert_deploy.adapters.clock import CompressedClock, RealClock

    return RealClock() if world is None else CompressedClock(world.speed, world.epoch_wall, world.epoch_world)


def endpoints(
    settings: Settings, world: WorldFile | None, *, gpu: bool = True, web: bool = True
) -> tuple[tuple[str, Secret], tuple[str, Secret]]:
    """Return URL and key of GPU cloud and web host. Raises UsageError for a missing key, or one the sandbox lacks."""
    found = tuple(_endpoint(place, world, needed) for place, needed in ((settings.gpu, gpu), (settings.web, web)))
    redaction.hold(*(key.reveal() for _, key in found))
    return found[0], found[1]


def launch_of(wanted: Launch, world: WorldFile | None) -> Launch:
    """Return the launch with its secret variables, and the model that the sandbox has. Raises UsageError."""
    env = read_variables(wanted.env, os.environ)
    redaction.hold(*(one.value for one in env if one.source))
    # Offline, the sandbox uses `toy` under its own name.
    model = world.model if world is not None and world.model is not None else wanted.model
    return replace(wanted, env=env, model=model)


def _endpoint(place: Endpoint[Provider], world: WorldFile | None, needed: bool) -> tuple[str, Secret]:
    if world is None:
        return place.url, read_key(place.key, os.environ) if needed else Secret("none")
    double = world.provider(place.provider.section)
    if double is None:
        raise UsageError(f"the sandbox has no double of {place.provider.name}", hint="choose another under providers")
    return double[0], Secret(double[1])
