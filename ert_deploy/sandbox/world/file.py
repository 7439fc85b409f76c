"""State file: `world.json`, by which clients find a running sandbox, and its validation."""

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
from ert_deploy.sandbox.runtime.processes import ProcessIdentity

VERSION = 1
NAME = "world.json"
SECRETS = ("vast_key", "render_key", "control_key")
ADDRESSES = ("vast_url", "render_url", "control_url", "app_url")


class WorldError(Exception):
    """An error with a message of one line for the user."""


class NotRunning(WorldError):
    """No sandbox is running in the directory."""


@dataclass(frozen=True, slots=True)
class WorldFile:
    """The content of `world.json`. Times are Unix seconds, keys are secrets, `start_time` is for `pid`."""

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

    def provider(self, name: str) -> tuple[str, str] | None:
        """Return URL and key of the double of a provider; None if there is none."""
        doubles = {"vast": (self.vast_url, self.vast_key), "render": (self.render_url, self.render_key)}
        return doubles.get(name)

    def __repr__(self) -> str:
        return f"WorldFile({self.public()})"

    @property
    def clock(self) -> WorldClock:
        """A clock that reads the same time as that of the daemon."""
        return WorldClock(self.speed, self.epoch_wall, self.epoch_world)

    def public(self) -> dict[str, Any]:
        """Return all fields except the keys."""
        return {k: v for k, v in asdict(self).items() if k not in SECRETS}


def write_atomic(path: Path, value: Any) -> None:
    """Write JSON atomically, with mode 0600."""
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
    """Write the file, after which clients may connect."""
    write_atomic(directory / NAME, asdict(world))


def read(directory: Path) -> WorldFile:
    """Read the file, also after a crash. Raises `NotRunning` if it is missing, `WorldError` if it is invalid."""
    path = directory / NAME
    try:
        said = json.loads(own_text(path))
    except FileNotFoundError:
        raise NotRunning(f"no sandbox is running in {directory}") from None
    except (OSError, ValueError) as error:
        raise WorldError(f"{path} can't be read: {error}") from None
    return parse(said, path)


def parse(said: Any, path: Path) -> WorldFile:
    """Validate the JSON value of the file. Raises `WorldError` for the first invalid field."""
    if not isinstance(said, dict):
        raise WorldError(f"{path} is corrupt: not an object")
    if said.get("version") != VERSION:
        raise WorldError(f"{path} was written by another version ({said.get('version')!r}, this one writes {VERSION})")
    kinds = {"int": int, "float": (int, float), "str": str, "str | None": (str, type(None))}
    for field in fields(WorldFile):
        if field.name not in said or not isinstance(said[field.name], kinds[str(field.type)]):  # type: ignore[arg-type]
            raise WorldError(f"{path} is corrupt: {field.name} is {said.get(field.name)!r}")
    for name in ADDRESSES:
        if not _here(said[name]):
            raise WorldError(f"{path} is corrupt: {name} is not on loopback")
    return WorldFile(**{field.name: said[field.name] for field in fields(WorldFile)})


def _here(url: str) -> bool:
    try:
        return is_loopback(urlsplit(url).hostname or "")
    except ValueError:
        return False


def is_alive(world: WorldFile) -> bool:
    """Whether the process that created the file is still running: same `pid` and same start time."""
    return ProcessIdentity(world.pid, world.start_time).alive()


def attach(directory: Path) -> WorldFile:
    """Return the running sandbox of `directory`. Raises `NotRunning` if there is none, `WorldError` if unreadable."""
    world = read(directory)
    if not is_alive(world):
        raise NotRunning(f"the sandbox in {directory} is not running any more (process {world.pid} is gone)")
    return world
