"""Composition of a recording: reads an account at both providers, from the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ert_deploy.adapters.recorder import Recorder, Recording
from ert_deploy.config import Settings
from ert_deploy.core.model.errors import UsageError
from ert_deploy.endpoints import clock_of, endpoints
from ert_deploy.providers import recording

if TYPE_CHECKING:
    from ert_deploy.sandbox.world.file import WorldFile


def record(settings: Settings, world: WorldFile | None) -> Recording:
    """Return a recording of the account. Raises UsageError without key or service, CannotObserve without an answer."""
    where = f"{settings.web.provider.section}/services"
    if not settings.desired.targets:
        what = f"{settings.source} names no service at {settings.web.provider.name}"
        raise UsageError(what, hint=f"write one under {where}")
    gpu, web = endpoints(settings, world)
    clock, made = clock_of(world), Recording()
    for provider, (url, key), about in (
        (settings.gpu.provider, gpu, ()),
        (settings.web.provider, web, (settings.desired.targets[0].service,)),
    ):
        ask = Recorder(made, provider.section, url, key, clock)
        recording(provider.section)(ask, *about)
    return made
