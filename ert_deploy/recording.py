"""Composition of a recording: creates what reads an account at both providers, from the settings."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ert_deploy.adapters.clock import CompressedClock, RealClock
from ert_deploy.adapters.recorder import Recorder
from ert_deploy.config import Settings, addressed, read_key
from ert_deploy.core import redaction
from ert_deploy.core.model.errors import UsageError
from ert_deploy.core.model.secret import Secret
from ert_deploy.ports import Clock

if TYPE_CHECKING:
    from ert_deploy.sandbox.world.file import WorldFile


def recorder(settings: Settings, world: WorldFile | None) -> Recorder:
    """Return the reader of the account of these settings. Raises UsageError for a missing key or service."""
    if not settings.desired.targets:
        raise UsageError(f"{settings.source} names no service at Render", hint="write one under render/services")
    service = settings.desired.targets[0].service
    clock: Clock = RealClock()
    if world is None:
        vast, render = read_key(settings.keys.vast, os.environ), read_key(settings.keys.render, os.environ)
    else:
        settings = addressed(settings, vast_url=world.vast_url, render_url=world.render_url)
        vast, render = Secret(world.vast_key), Secret(world.render_key)
        clock = CompressedClock(world.speed, world.epoch_wall, world.epoch_world)
    redaction.hold(vast.reveal(), render.reveal())
    return Recorder(settings.vast_url, vast, settings.render_url, render, service, clock)
