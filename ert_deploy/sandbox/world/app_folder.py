"""App folder: finds the commands and variables of a user's app, as `sandbox start --app` gets it.

Order: what was given, then the web service of `render.yaml`, then the line `web:` of `Procfile`, then Render's defaults
for Python (`pip install -r requirements.txt`, `gunicorn app:app`).
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from ert_deploy.sandbox.render.user_app import UserApp
from ert_deploy.sandbox.world.file import WorldError

BLUEPRINT, PROCFILE = "render.yaml", "Procfile"
MOST_INSTANCES = 10
_NO_COMMANDS = ("docker", "image", "static")


@dataclass(frozen=True, slots=True)
class AppOrder:
    """What the caller gave; None where the folder decides. `service` is the name that the app gets at Render."""

    folder: str
    service: str
    build: str | None = None
    start: str | None = None
    health: str | None = None
    instances: int | None = None

    def option(self) -> list[str]:
        """Return the option of the daemon's command line."""
        return ["--app", json.dumps(asdict(self))]

    @classmethod
    def parse(cls, text: str) -> AppOrder:
        """Return the order in an option. Raises `ValueError` if it is none."""
        try:
            return cls(**json.loads(text))
        except TypeError as error:
            raise ValueError(str(error)) from None


def read(order: AppOrder) -> UserApp:
    """Return the app. Raises `WorldError` for a folder without an app, and for files that cannot be read."""
    folder = Path(order.folder).absolute()
    if not folder.is_dir():
        raise WorldError(f"{folder} is not a folder")
    told = _blueprint(folder, order.service)
    root = folder / str(told.get("rootDir") or "")
    if not root.is_dir():
        raise WorldError(f"{folder / BLUEPRINT}: rootDir {told['rootDir']!r} is not a folder")
    start = _first(order.start, told.get("startCommand"), _procfile(root), _default_start(root))
    if start is None:
        raise WorldError(f"{root} has no start command: no {BLUEPRINT}, {PROCFILE} or app.py; --start gives one")
    build = _first(order.build, told.get("buildCommand"), _default_build(root))
    instances = order.instances if order.instances is not None else told.get("numInstances", 1)
    if type(instances) is not int or not 1 <= instances <= MOST_INSTANCES:
        raise WorldError(f"{folder}: instances must be 1 to {MOST_INSTANCES}, not {instances!r}")
    health = _first(order.health, told.get("healthCheckPath"), "") or ""
    if health and not health.startswith("/"):
        raise WorldError(f"{folder}: the health check path {health!r} must start with /")
    return UserApp(root, start, build or "", health, instances, _previews(told), _variables(told, folder))


def _first(*found: Any) -> str | None:
    return next((str(one) for one in found if one is not None), None)


def _default_start(root: Path) -> str | None:
    return "gunicorn app:app" if (root / "app.py").is_file() else None


def _default_build(root: Path) -> str | None:
    return "pip install -r requirements.txt" if (root / "requirements.txt").is_file() else None


def _procfile(root: Path) -> str | None:
    found = re.search(r"^web:[ \t]*(\S.*?)[ \t]*$", _text(root / PROCFILE), re.MULTILINE)
    return found[1] if found else None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, ValueError) as error:
        raise WorldError(f"{path} can't be read: {error}") from None


def _blueprint(folder: Path, name: str) -> Mapping[str, Any]:
    path = folder / BLUEPRINT
    try:
        said = yaml.safe_load(_text(path)) or {}
    except yaml.YAMLError as error:
        raise WorldError(f"{path} can't be read: {' '.join(str(error).split())}") from None
    services = said.get("services", []) if isinstance(said, dict) else None
    if not isinstance(services, list) or not all(isinstance(one, dict) for one in services):
        raise WorldError(f"{path} can't be read: services must be a list of objects")
    web = [one for one in services if one.get("type") == "web"]
    named = [one for one in web if one.get("name") == name] or web
    if len(named) > 1:
        names = ", ".join(str(one.get("name")) for one in named)
        raise WorldError(f"{path} has {len(named)} web services ({names}), none of them named {name}")
    found: Mapping[str, Any] = named[0] if named else {}
    runtime = found.get("runtime") or found.get("env")
    if runtime in _NO_COMMANDS:
        raise WorldError(f"{path}: a service of runtime {runtime} has no start command that could be run here")
    return found


def _previews(told: Mapping[str, Any]) -> str:
    previews = told.get("previews")
    return str(previews.get("generation", "off")) if isinstance(previews, dict) else "off"


def _variables(told: Mapping[str, Any], folder: Path) -> dict[str, str]:
    """Return the variables with a value; those that Render asks for, or takes from other services, are not set."""
    listed = told.get("envVars") or []
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        raise WorldError(f"{folder / BLUEPRINT}: envVars must be a list of objects")
    found: dict[str, str] = {}
    for one in listed:
        if "key" in one and one.get("generateValue"):
            found[str(one["key"])] = secrets.token_urlsafe(32)
        elif "key" in one and one.get("value") is not None:
            value = one["value"]
            found[str(one["key"])] = str(value).lower() if isinstance(value, bool) else str(value)
    return found
