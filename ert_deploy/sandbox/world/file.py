"""`world.json`: how other processes find a running sandbox, and the checks they make before they trust it."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ert_deploy.sandbox.runtime.clock import WorldClock
from ert_deploy.sandbox.runtime.loopback_only.sitecustomize import is_loopback
from ert_deploy.sandbox.runtime.own_file import own_text
from ert_deploy.sandbox.runtime.processes import ProcessMark

VERSION = 1
NAME = "world.json"
SECRETS = ("vast_key", "render_key", "control_key")
ADDRESSES = ("vast_url", "render_url", "control_url", "app_url")


class WorldError(Exception):
    """What is wrong with a sandbox, in one line for its user."""


class NotRunning(WorldError):
    """There is no live sandbox in that directory."""


@dataclass(frozen=True, slots=True)
class WorldFile:
    """The contents of `world.json`. Times are Unix seconds, keys are secrets, `start_time` is the pid's own."""

    pid: int
    start_time: int
    speed: float
    epoch_wall: float
    epoch_world: float
    vast_url: str
    render_url: str
    control_url: str
    vast_key: str
    render_key: str
    control_key: str
    service_id: str
    service_name: str
    app_url: str
    model: str | None
    version: int = VERSION

    def __repr__(self) -> str:
        return f"WorldFile({self.public()})"

    @property
    def clock(self) -> WorldClock:
        """A clock that reads the same time as the world's own."""
        return WorldClock(self.speed, self.epoch_wall, self.epoch_world)

    def public(self) -> dict[str, Any]:
        """Everything but the keys."""
        return {k: v for k, v in asdict(self).items() if k not in SECRETS}


def write_atomic(path: Path, value: Any) -> None:
    """Write JSON so that readers see the old file or the new one, with mode 0600."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "w") as file:
            json.dump(value, file, indent=1)
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(name).unlink()
        raise


def save(directory: Path, world: WorldFile) -> None:
    """Publish the world: from here on others may use it."""
    write_atomic(directory / NAME, asdict(world))


def read(directory: Path) -> WorldFile:
    """The file as it is, alive or not. NotRunning when there is none, WorldError when it makes no sense."""
    path = directory / NAME
    try:
        said = json.loads(own_text(path))
    except FileNotFoundError:
        raise NotRunning(f"no sandbox is running in {directory}") from None
    except (OSError, ValueError) as error:
        raise WorldError(f"{path} can't be read: {error}") from None
    return parse(said, path)


def parse(said: Any, path: Path) -> WorldFile:
    """Validate the JSON value of a world file. WorldError names the first thing that is wrong."""
    if not isinstance(said, dict):
        raise WorldError(f"{path} is damaged: not an object")
    if said.get("version") != VERSION:
        raise WorldError(f"{path} was written by another version ({said.get('version')!r}, this one writes {VERSION})")
    kinds = {"int": int, "float": (int, float), "str": str, "str | None": (str, type(None))}
    for field in fields(WorldFile):
        if field.name not in said or not isinstance(said[field.name], kinds[str(field.type)]):  # type: ignore[arg-type]
            raise WorldError(f"{path} is damaged: {field.name} is {said.get(field.name)!r}")
    for name in ADDRESSES:
        if not _here(said[name]):
            raise WorldError(f"{path} is damaged: {name} leads off loopback")
    return WorldFile(**{field.name: said[field.name] for field in fields(WorldFile)})


def _here(url: str) -> bool:
    try:
        return is_loopback(urlsplit(url).hostname or "")
    except ValueError:
        return False


def is_alive(world: WorldFile) -> bool:
    """Whether the process that wrote the file still runs: same pid and same start time."""
    return ProcessMark(world.pid, world.start_time).alive()


def attach(directory: Path) -> WorldFile:
    """The running sandbox of `directory`. NotRunning when there is none or its process is gone; WorldError else."""
    world = read(directory)
    if not is_alive(world):
        raise NotRunning(f"the sandbox in {directory} is not running any more (process {world.pid} is gone)")
    return world
