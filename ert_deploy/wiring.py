"""Composition root: creates the ports of one run from the settings. Adapters are imported when they are needed.

The sandbox uses the same adapters; only base URLs, keys and the clock are read from the world's file.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ert_deploy.config import Settings, addressed, call_timeout, read_key
from ert_deploy.core import redaction
from ert_deploy.core.model.desired import Desired
from ert_deploy.core.model.secret import Secret
from ert_deploy.ports import Audience, Clock

if TYPE_CHECKING:
    from ert_deploy.engine.run import Ports
    from ert_deploy.sandbox.world.file import WorldFile


@dataclass(frozen=True, slots=True)
class Session:
    """One deployment with its desired state and ports. `speed` is 1 outside the sandbox."""

    settings: Settings
    desired: Desired
    ports: Ports
    speed: float = 1.0

    @property
    def in_sandbox(self) -> bool:
        """Whether the session uses the sandbox, which costs no money."""
        return self.settings.sandbox is not None


def assemble(
    settings: Settings, audience: Audience, world: WorldFile | None, *, gpu: bool = True, web: bool = True
) -> Session:
    """Return a session with the adapters for these settings; in the sandbox they need the running `world`.

    Without `gpu` no Vast key is read, without `web` no Render key; that provider must then not be called. Raises
    UsageError if a key is missing.
    """
    from ert_deploy.adapters.clock import CompressedClock, RealClock

    if world is None:
        vast = read_key(settings.keys.vast, os.environ) if gpu else Secret("none")
        render = read_key(settings.keys.render, os.environ) if web else Secret("none")
        return _session(settings, settings.desired, _ports(settings, audience, RealClock(), (vast, render), 1.0))
    settings = addressed(settings, vast_url=world.vast_url, render_url=world.render_url)
    desired = settings.desired
    if world.model is not None:  # offline, the world uses the `toy` model under its own name
        desired = replace(desired, launch=replace(desired.launch, model=world.model))
    clock = CompressedClock(world.speed, world.epoch_wall, world.epoch_world)
    keys = Secret(world.vast_key), Secret(world.render_key)
    return _session(settings, desired, _ports(settings, audience, clock, keys, world.speed), world.speed)


def _session(settings: Settings, desired: Desired, ports: Ports, speed: float = 1.0) -> Session:
    return Session(settings, replace(desired, cloud=ports.gpu.cloud), ports, speed)


def _ports(settings: Settings, audience: Audience, clock: Clock, keys: tuple[Secret, Secret], speed: float) -> Ports:
    from ert_deploy.adapters.app.probe import HttpAppProbe
    from ert_deploy.adapters.backend.probe import TlsBackendProbe
    from ert_deploy.adapters.clock import SystemEntropy
    from ert_deploy.engine.run import Ports
    from ert_deploy.providers.render.web import RenderWeb
    from ert_deploy.providers.vast.client import VastHost
    from ert_deploy.stores import own_store, with_custody

    vast, render = keys
    redaction.hold(vast.reveal(), render.reveal())
    gpu = VastHost(vast, settings.vast_url, clock, call_timeout(speed))
    backend = TlsBackendProbe(entropy := SystemEntropy(), allow_loopback=settings.sandbox is not None)
    store = own_store(settings, clock)
    web = with_custody(settings, RenderWeb(render, settings.render_url, clock), store)
    return Ports(gpu, web, backend, HttpAppProbe(clock), store, clock, entropy, audience)
