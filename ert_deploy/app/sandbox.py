"""`sandbox`: start, stop, inspect or break the loopback world, in which no operation costs money."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ert_deploy.app.deployment import Config, opened, sandbox_world
from ert_deploy.core.model.errors import UsageError

if TYPE_CHECKING:
    from ert_deploy.sandbox.world.file import WorldFile


def start(
    config: Config = None,
    *,
    app: str | Path | None = None,
    build: str | None = None,
    command: str | None = None,
    health: str | None = None,
    instances: int | None = None,
    toy: bool = False,
) -> WorldFile:
    """Return the running world of the config; start it if necessary. `toy`: with a model that writes nonsense.

    With the folder `app`, that app runs as the config's first service instead of the dashboard. Its build and start
    `command`, the path of its `health` check and its `instances` are those of its files where they are not given.
    Raises UsageError where the config has no sandbox, the app cannot be run, or a world runs without it already.
    """
    settings, model = opened(config).settings, "toy" if toy else "auto"
    if app is None:
        if (build, command, health, instances) != (None,) * 4:
            raise UsageError("commands, health check and instances are those of an app", hint="--app DIR names it")
        return sandbox_world(settings, start=True, model=model)
    from ert_deploy.sandbox.world.app_folder import AppOrder

    targets = settings.desired.targets
    if not targets:
        hint = f"write one under {settings.web.provider.section}/services"
        raise UsageError(f"{settings.source} names no service for the app", hint=hint)
    order = AppOrder(str(app), targets[0].service, build, command, health, instances)
    return sandbox_world(settings, start=True, app=order, model=model)


def stop(config: Config = None) -> dict[str, Any]:
    """Stop the world and all processes in it, and return the final bill.

    Raises UsageError if the config has no sandbox, or it is not running.
    """
    from ert_deploy.sandbox.world import daemon
    from ert_deploy.sandbox.world.file import WorldError

    directory = _directory(config)
    try:
        return daemon.stop(directory)
    except WorldError as error:
        raise UsageError(str(error)) from error


def status(config: Config = None) -> dict[str, Any] | None:
    """Return the running instances and the current bill; None if it is not running.

    Raises UsageError if the config has no sandbox, or the world cannot be read.
    """
    from ert_deploy.sandbox.world import daemon
    from ert_deploy.sandbox.world.file import WorldError

    directory = _directory(config)
    try:
        return daemon.status(directory)
    except WorldError as error:
        raise UsageError(str(error)) from error


def troubles(config: Config = None) -> list[dict[str, Any]]:
    """Every kind of fault with its fields and effect, and whether it is on.

    Raises UsageError where the config has no sandbox, or none is running.
    """
    from ert_deploy.sandbox.world import breakage
    from ert_deploy.sandbox.world.file import WorldError

    directory = _directory(config)
    try:
        return breakage.listing(directory)
    except WorldError as error:
        raise UsageError(str(error)) from error


def switch_trouble(
    kind: str, fields: Mapping[str, Any] | None = None, *, off: bool = False, config: Config = None
) -> list[int]:
    """Switch one kind of fault on or off; the ids of the instances that it was limited to.

    Raises UsageError where the config has no sandbox, none is running, or there is no such kind or field.
    """
    from ert_deploy.sandbox.world import breakage
    from ert_deploy.sandbox.world.file import WorldError

    directory = _directory(config)
    try:
        return breakage.switch(directory, kind, fields or {}, off=off)
    except WorldError as error:
        raise UsageError(str(error)) from error


def record(config: Config = None) -> str:
    """A redacted recording, as JSON, of the responses of both providers for the account of a config. It only reads.

    Raises UsageError for a missing key or service, CannotObserve for a provider that does not respond.
    """
    settings = opened(config).settings
    world = sandbox_world(settings, start=False) if settings.sandbox is not None else None
    from ert_deploy import recording

    return recording.record(settings, world).text()


def keep_recording(text: str, path: Path) -> None:
    """Write a recording to a new file, for its owner alone. Raises UsageError where there is one, or it can't be."""
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError(f"{path} is there already; nothing was written", hint="--out FILE names another") from None
    except OSError as error:
        raise UsageError(f"{path} can't be written: {error.strerror}") from error


def _directory(config: Config) -> Path:
    settings = opened(config).settings
    if settings.sandbox is None:
        raise UsageError(f"{settings.source} has no sandbox", hint="`--config sandbox` names one that does")
    return settings.sandbox.world
