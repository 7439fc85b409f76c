"""Sandbox: combines a Vast server, a Render server with a live service, and the control server.

The two providers are created by functions that tests can replace, for example to avoid real machines.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import string
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ert_deploy.sandbox.ollama.weights import ModelFile
from ert_deploy.sandbox.render.user_app import UserApp
from ert_deploy.sandbox.runtime.clock import WorldClock
from ert_deploy.sandbox.runtime.processes import ProcessIdentity
from ert_deploy.sandbox.world import file
from ert_deploy.sandbox.world.control import ControlServer, Hosting, Renting
from ert_deploy.sandbox.world.file import NotRunning, WorldError, WorldFile, attach, is_alive
from ert_deploy.sandbox.world.paths import images_folder
from ert_deploy.sandbox.world.rows import ServiceRow, create
from ert_deploy.sandbox.world.seed_env import unrelated_env

SERVICE = "ert-dashboard"
VAST, RENDER = "vast", "render"

__all__ = ["NotRunning", "RenderSide", "Setting", "VastSide", "World", "WorldError", "WorldFile", "attach", "is_alive"]


class VastSide(Renting, Protocol):
    """The required interface of `VastDouble`."""

    @property
    def url(self) -> str: ...

    def start(self) -> Any: ...

    def stop(self) -> Any: ...


class RenderSide(Hosting, Protocol):
    """The required interface of `RenderDouble`."""

    @property
    def url(self) -> str: ...

    def start(self) -> Any: ...

    def stop(self) -> Any: ...

    def add_service(self, name: str, env: Mapping[str, str], /) -> str: ...

    def app_url(self, service_id: str, /) -> str: ...


@dataclass(frozen=True, slots=True)
class Setting:
    """The parameters of both providers. `directory` is the one of the daemon."""

    clock: WorldClock
    directory: Path
    images: Path
    model: ModelFile | None
    seed: int
    vast_key: str
    render_key: str
    app: UserApp | None = None


def real_vast(setting: Setting) -> VastSide:
    """Create a `VastDouble`, which starts real machines."""
    from ert_deploy.sandbox.vast.server import VastDouble  # not needed with a fake

    models = setting.model.path.parent if setting.model else None
    return VastDouble(
        setting.clock,
        setting.directory / VAST,
        setting.vast_key,
        models=models,
        images=setting.images,
        seed=setting.seed,
    )


def real_render(setting: Setting) -> RenderSide:
    """Create a `RenderDouble`, which starts real services."""
    from ert_deploy.sandbox.render.server import RenderDouble

    directory = setting.directory / RENDER
    return RenderDouble(setting.clock, directory, setting.render_key, images=setting.images, app=setting.app)


class World:
    """A sandbox in this process. `start` before use; `stop` terminates all child processes and returns the bill.

    `service` is the name of the service; it runs `app`, or the dashboard. With `rows` it is the first web service of
    those instead.
    """

    def __init__(
        self,
        directory: Path,
        *,
        speed: float = 20.0,
        seed: int = 1,
        model: ModelFile | None = None,
        images: Path | None = None,
        service: str = SERVICE,
        app: UserApp | None = None,
        rows: Sequence[ServiceRow] = (),
        make_vast: Callable[[Setting], VastSide] = real_vast,
        make_render: Callable[[Setting], RenderSide] = real_render,
    ) -> None:
        self.directory = directory
        self.clock = WorldClock.behind(speed)
        self.stop_asked = threading.Event()
        self.file: WorldFile | None = None
        self._seed, self._model, self._images = seed, model, images
        self._service, self._app, self._rows = service, app, tuple(rows)
        self._make_vast, self._make_render = make_vast, make_render
        self._ends = contextlib.ExitStack()
        self._vast: VastSide | None = None

    def start(self) -> WorldFile:
        """Start all servers, write `world.json` and return its content; on any error, everything is stopped again."""
        try:
            self.file = self._start()
        except BaseException:
            self._ends.close()
            raise
        return self.file

    def _start(self) -> WorldFile:
        for folder in (VAST, RENDER):
            (self.directory / folder).mkdir(parents=True, exist_ok=True)
        setting = self._setting()
        self._vast, render = self._make_vast(setting), self._make_render(setting)
        for side in (self._vast, render):
            self._ends.callback(side.stop)
            side.start()
        service = self._made(render)
        control = ControlServer(self.clock, self._vast, render, self.stop_asked.set)
        self._ends.callback(control.stop)
        control.start()
        mine = ProcessIdentity.of(os.getpid())
        world = WorldFile(
            pid=mine.pid,
            start_time=mine.start_time,
            speed=self.clock.speed,
            epoch_wall=self.clock.epoch_wall,
            epoch_world=self.clock.epoch_world,
            vast_url=self._vast.url,
            render_url=render.url,
            control_url=control.url,
            vast_key=setting.vast_key,
            render_key=setting.render_key,
            control_key=control.key,
            service_id=service,
            service_name=self._service,
            app_url=render.app_url(service),
            model=self._model.name if self._model else None,
        )
        self._ends.callback((self.directory / file.NAME).unlink, missing_ok=True)
        file.save(self.directory, world)
        return world

    def _made(self, render: Any) -> str:
        """Make the services, and return the id of the one in the world's file."""
        if self._rows:
            self._service = min(self._rows, key=lambda row: row.worker).name
            return create(render, self._rows, unrelated_env(self._seed))
        service: str = render.add_service(self._service, self._app.env if self._app else unrelated_env(self._seed))
        return service

    def _setting(self) -> Setting:
        letters = string.ascii_letters + string.digits
        return Setting(
            self.clock,
            self.directory,
            self._images or images_folder(),
            self._model,
            self._seed,
            secrets.token_hex(32),
            "rnd_" + "".join(secrets.choice(letters) for _ in range(28)),
            self._app,
        )

    def bill(self) -> dict[str, Any]:
        """Return the current bill, including the instances that are still running."""
        return self._vast.bill().as_dict() if self._vast else {}

    def stop(self) -> dict[str, Any]:
        """Stop everything in reverse order. Return the bill from before, which still lists running instances."""
        bill = self.bill()
        self._ends.close()
        return bill

    def __enter__(self) -> World:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
