"""A sandbox in this process with both doubles, whose machines and services are minimal scripts."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ert_deploy.sandbox.render.server import RenderDouble
from ert_deploy.sandbox.vast.server import VastDouble
from ert_deploy.sandbox.world.world import Setting, World
from tests.support.render.world import QUICK
from tests.support.vast.world import PROGRAM, python

APP = Path(__file__).parent / "render" / "app.py"
# What `sandbox.world` in configs/sandbox.yaml says, below the working directory.
WORLD = Path(".ert") / "sandbox"


def _vast(setting: Setting) -> VastDouble:
    directory, key = setting.directory / "vast", setting.vast_key
    return VastDouble(setting.clock, directory, key, images=setting.images, command=python(PROGRAM))


@contextmanager
def running(folder: Path, speed: float = 200.0) -> Iterator[World]:
    """Run a sandbox below `folder` during the block; its service may have previews of pull requests."""
    made: list[RenderDouble] = []

    def render(setting: Setting) -> RenderDouble:
        directory, command = setting.directory / "render", [sys.executable, str(APP)]
        options: dict[str, Any] = {"images": setting.images, "command": lambda _: command, "timeline": QUICK}
        made.append(RenderDouble(setting.clock, directory, setting.render_key, **options))
        return made[0]

    (folder / WORLD).mkdir(parents=True)
    with World(folder / WORLD, speed=speed, images=folder, make_vast=_vast, make_render=render) as world:
        (service,) = made[0]._platform.store.services.values()
        service.details["previews"] = {"generation": "automatic"}
        yield world
