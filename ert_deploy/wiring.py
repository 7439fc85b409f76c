"""Composition root: creates the ports of one run from the settings. Adapters are imported when they are needed.

The sandbox uses the same adapters; only base URLs, keys and the clock are read from the world's file.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ert_deploy.config import Settings, addressed, call_timeout
from ert_deploy.core.model.desired import Desired
from ert_deploy.core.model.secret import Secret
from ert_deploy.endpoints import clock_of, endpoints, external_server, launch_of, machine_secret, without_cloud
from ert_deploy.ports import Audience, Clock
from ert_deploy.providers import gpu_host, web_host

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

    Without `gpu` or `web` that provider's key is not read, and it must not be called. Raises UsageError if a key is
    missing.
    """
    from ert_deploy.adapters.no_cloud import NoCloud

    clock = clock_of(world)
    gpu_at, web_at = endpoints(settings, world, gpu=gpu and not without_cloud(settings, world), web=web)
    settings = addressed(settings, gpu_url=gpu_at[0], web_url=web_at[0])
    desired = replace(settings.desired, launch=launch_of(settings.desired.launch, world))
    speed = world.speed if world is not None else 1.0
    ports = _ports(settings, audience, clock, (gpu_at[1], web_at[1]), speed)
    if without_cloud(settings, world):
        ports = replace(ports, gpu=NoCloud(settings.gpu.provider.name, settings.gpu.key.env, ports.store))
    server = external_server(settings)
    desired = replace(desired, cloud=ports.gpu.cloud, platform=ports.web.platform, external=server)
    desired = replace(desired, machine_secret=machine_secret())
    return Session(settings, desired, ports, speed)


def _ports(settings: Settings, audience: Audience, clock: Clock, keys: tuple[Secret, Secret], speed: float) -> Ports:
    from ert_deploy.adapters.app.probe import HttpAppProbe
    from ert_deploy.adapters.backend.probe import TlsBackendProbe
    from ert_deploy.adapters.clock import SystemEntropy
    from ert_deploy.adapters.registry import Registries
    from ert_deploy.engine.run import Ports
    from ert_deploy.stores import metered, own_store, with_custody

    at, there = settings.gpu, settings.web
    gpu = metered(settings, gpu_host(at.provider.section, keys[0], at.url, clock, call_timeout(speed)), clock, audience)
    backend = TlsBackendProbe(entropy := SystemEntropy(), allow_loopback=settings.sandbox is not None)
    store = own_store(settings, clock)
    web = with_custody(settings, web_host(there.provider.section, keys[1], there.url, clock), store)
    registries = Registries(loopback_only=settings.sandbox is not None)
    return Ports(gpu, web, backend, HttpAppProbe(clock), registries, store, clock, entropy, audience)
