"""The composition root: from a config to the ports of one run. Imports are made when they are needed.

In the sandbox the same adapters run; only base URLs, keys and the clock come from the world's file.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ert_deploy.config import (
    Settings,
    addressed,
    allowed_hosts,
    call_timeout,
    default_config,
    find,
    load,
    read_key,
    state_of,
)
from ert_deploy.core import redaction
from ert_deploy.core.model.desired import Desired
from ert_deploy.core.model.secret import Secret
from ert_deploy.ports import Audience, Clock, StateKeeper

if TYPE_CHECKING:
    from pathlib import Path

    from ert_deploy.adapters.app.dashboard_client import ErtApp
    from ert_deploy.adapters.docker_images import DockerImages
    from ert_deploy.adapters.ssh.shell import Door
    from ert_deploy.core.model.observed import Instance
    from ert_deploy.engine.run import Ports
    from ert_deploy.sandbox.world.world import WorldFile


@dataclass(frozen=True, slots=True)
class House:
    """One deployment, wired: what is wanted, and the ports to get it with. `speed` is 1 outside the sandbox."""

    settings: Settings
    desired: Desired
    ports: Ports
    speed: float = 1.0

    @property
    def in_sandbox(self) -> bool:
        """Whether nothing here costs money."""
        return self.settings.sandbox is not None


def settings_for(config: str | None, env: Mapping[str, str] | None = None, *, going_down: bool = False) -> Settings:
    """The validated config of that name or path, or the default one. Raises UsageError."""
    env = os.environ if env is None else env
    path = find(config) if config else default_config(env)
    return load(path, going_down=going_down, hosts=allowed_hosts(env))


def assemble(
    config: str | None,
    audience: Audience,
    *,
    start_sandbox: bool = True,
    gpu: bool = True,
    web: bool = True,
    going_down: bool = False,
) -> House:
    """Everything one command needs. Starts the sandbox when the config asks for one and it is not running.

    Without `gpu` no Vast key is asked for, without `web` no Render key; that provider must then not be called.
    `going_down`: an old config will do.
    """
    settings = settings_for(config, going_down=going_down)
    if settings.sandbox is not None:
        return _sandboxed(settings, audience, start=start_sandbox)
    from ert_deploy.adapters.clock import RealClock

    vast_key = read_key(settings.keys.vast, os.environ) if gpu else Secret("none")
    render_key = read_key(settings.keys.render, os.environ) if web else Secret("none")
    return _house(settings, audience, RealClock(), vast_key, render_key)


def _sandboxed(settings: Settings, audience: Audience, *, start: bool) -> House:
    from ert_deploy.adapters.clock import CompressedClock

    world = sandbox_world(settings, start=start)
    settings = addressed(settings, vast_url=world.vast_url, render_url=world.render_url)
    desired = settings.desired
    if world.model is not None:  # offline, the world falls back to a toy model and says so by its name
        desired = replace(desired, launch=replace(desired.launch, model=world.model))
    clock = CompressedClock(world.speed, world.epoch_wall, world.epoch_world)
    house = _house(settings, audience, clock, Secret(world.vast_key), Secret(world.render_key), speed=world.speed)
    return replace(house, desired=desired, speed=world.speed)


def sandbox_world(settings: Settings, *, start: bool) -> WorldFile:
    """The running world of these settings; started if it is not running and `start` is given, else UsageError."""
    from ert_deploy.core.model.errors import UsageError
    from ert_deploy.sandbox.world import daemon, world

    sandbox = settings.sandbox
    if sandbox is None:
        raise UsageError(f"{settings.source} has no sandbox", hint="`--config sandbox` names one that does")
    try:
        if start:
            return daemon.start(sandbox.world, sandbox.speed)
        return world.attach(sandbox.world)
    except world.WorldError as error:
        starts = "`ert-deploy up` or `ert-deploy sandbox start` starts one"
        raise UsageError(str(error), hint="name a real deployment with -c" if start else starts) from error


def _house(
    settings: Settings, audience: Audience, clock: Clock, vast_key: Secret, render_key: Secret, *, speed: float = 1.0
) -> House:
    from ert_deploy.adapters.app.probe import HttpAppProbe
    from ert_deploy.adapters.backend.probe import TlsBackendProbe
    from ert_deploy.adapters.clock import SystemEntropy
    from ert_deploy.adapters.render.web import RenderWeb
    from ert_deploy.adapters.vast.client import VastHost
    from ert_deploy.engine.run import Ports
    from ert_deploy.stores import own_store

    redaction.hold(vast_key.reveal(), render_key.reveal())
    entropy = SystemEntropy()
    ports = Ports(
        gpu=VastHost(vast_key, settings.vast_url, clock, call_timeout(speed)),
        web=RenderWeb(render_key, settings.render_url, clock),
        backend=TlsBackendProbe(entropy, allow_loopback=settings.sandbox is not None),
        app=HttpAppProbe(clock),
        store=own_store(settings, clock),
        clock=clock,
        entropy=entropy,
        audience=audience,
    )
    return House(settings, settings.desired, ports)


def keeper(config: str | None, *, signing: bool = False, remove: bool = False) -> StateKeeper:
    """The store of a config's state, for those who look after it. It needs no provider and no key of one.

    `signing`: for whom signs it, or with `remove` takes the signature away.
    """
    from ert_deploy.adapters.clock import CompressedClock
    from ert_deploy.core.model.errors import UsageError
    from ert_deploy.stores import keys_to_sign, own_store

    settings, clock = settings_for(config), _real_clock()
    if settings.sandbox is not None:
        with suppress(UsageError):
            world = sandbox_world(settings, start=False)
            clock = CompressedClock(world.speed, world.epoch_wall, world.epoch_world)
    return own_store(settings, clock, keys_to_sign(settings, remove=remove) if signing else None)


def elsewhere(house: House, deployment: str) -> Ports:
    """The same ports with another deployment's state, as far as this config says where that is."""
    from ert_deploy.adapters.state.ephemeral import StateNowhere
    from ert_deploy.stores import store_of

    store = store_of(house.settings, deployment, house.ports.clock)
    return replace(house.ports, store=store or StateNowhere(deployment))


def images() -> DockerImages:
    """The Docker engine of this machine, asked when it is used."""
    from ert_deploy.adapters.docker_images import DockerImages

    return DockerImages()


def image_source() -> Path:
    """The folder of the GPU image's Dockerfile, as it came with the program."""
    from ert_deploy.core.model.errors import UsageError
    from ert_deploy.sandbox.world.paths import images_folder

    try:
        return images_folder() / "llm-backend"
    except FileNotFoundError as error:
        raise UsageError(str(error)) from None


def check_record(config: str) -> None:
    """Whether `record_image` would find its place in that config. Raises UsageError."""
    from ert_deploy.config.yaml.edit import check_image

    check_image(find(config))


def record_image(config: str, image: str) -> str:
    """Set `launch/image` in that config; the difference as a unified diff. Raises UsageError or Failed."""
    from ert_deploy.config.yaml.edit import record_image as write

    return write(find(config), image)


def app(house: House) -> ErtApp:
    """The ERT dashboard of the first target."""
    from ert_deploy.adapters.app.dashboard_client import ErtApp

    target = house.desired.targets[0]
    service = house.ports.web.service(target.service)
    return ErtApp(target.reached_at(service.url), house.ports.clock if not house.in_sandbox else _real_clock())


def shell_door(house: House, instance: Instance, identity: Path | None) -> Door:
    """Where the shell of an instance is, and where its host key is remembered: beside the state, if that is a file."""
    from pathlib import Path

    from ert_deploy.adapters.bounded_http import is_loopback
    from ert_deploy.adapters.ssh.known_hosts import KnownHosts
    from ert_deploy.adapters.ssh.shell import Door
    from ert_deploy.core.model.errors import UsageError

    assert instance.shell is not None
    if house.in_sandbox and not instance.shell.ip.startswith("127."):
        raise UsageError("the sandbox's machines are processes of this computer and have no SSH server")
    place = state_of(house.settings, house.desired.deployment)
    folder = place.parent if isinstance(place, Path) else Path(".ert")
    known, nearby = KnownHosts(folder / "known_hosts"), is_loopback(house.settings.vast_url)
    return Door(instance.id, instance.shell, known, identity, allow_loopback=nearby)


def _real_clock() -> Clock:
    """A model that writes text takes the time it takes, also in a world that runs faster."""
    from ert_deploy.adapters.clock import RealClock

    return RealClock()
