"""`sandbox`: start, stop or inspect the loopback world, in which no operation costs money."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ert_deploy.app.deployment import Config, opened, sandbox_world
from ert_deploy.core.model.errors import UsageError

if TYPE_CHECKING:
    from ert_deploy.sandbox.world.file import WorldFile


def start(config: Config = None) -> WorldFile:
    """Return the running world of the config; start it if necessary. Raises UsageError if the config has none."""
    return sandbox_world(opened(config).settings, start=True)


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


def _directory(config: Config) -> Path:
    settings = opened(config).settings
    if settings.sandbox is None:
        raise UsageError(f"{settings.source} has no sandbox", hint="`--config sandbox` names one that does")
    return settings.sandbox.world
