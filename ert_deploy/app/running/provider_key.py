"""`key vast`: another key of the GPU cloud with the least permissions: create, switch, prove, delete."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from ert_deploy.adapters.private import new_private, reason
from ert_deploy.app.deployment import SILENT, Config, Deployment, Progress, opened
from ert_deploy.config import call_timeout
from ert_deploy.core.model.errors import ErtError, Failed, UsageError
from ert_deploy.core.model.secret import Secret
from ert_deploy.providers import gpu_host, key_admin

ADMIN = "VAST_ADMIN_API_KEY"


@dataclass(frozen=True, slots=True)
class Replaced:
    """The file with the new key, the start of its SHA-256, and the ids of the deleted keys."""

    file: Path
    name: str
    deleted: tuple[str, ...]


def replace_provider_key(
    config: Config = None, *, admin: Secret | None = None, progress: Progress = SILENT
) -> Replaced:
    """Replace the key in the file that the config names. `admin` may create keys; default: `VAST_ADMIN_API_KEY`.

    Only keys that an earlier call has made for this deployment are deleted. If the new key does not work, the file has
    its former content again. Raises UsageError, CannotObserve and Failed.
    """
    from ert_deploy.adapters.clock import RealClock

    deployment = opened(config)
    file = _file(deployment)
    admin = admin or Secret(os.environ.get(ADMIN, ""))
    if not admin:
        raise UsageError(f"{ADMIN} is not set", hint="a key with user_read and user_write creates the other one")
    at, clock = deployment.settings.gpu, RealClock()
    keys, name = key_admin(at.provider.section, admin, at.url, clock), f"ert-deploy {deployment.name}"
    before = keys.named(name)
    made, key = keys.create(name)
    progress.note(f"created key {made} ({key.sha256()[:8]}) with the least permissions")
    former = file.read_bytes() if file.exists() else None
    try:
        _write(file, f"{key.reveal()}\n".encode())
        gpu_host(at.provider.section, key, at.url, clock, call_timeout(1.0)).list_instances()
    except ErtError:
        _restore(file, former)
        keys.delete(made)
        raise
    progress.note("the new key works")
    for old in before:
        keys.delete(old)
    return Replaced(file, key.sha256()[:8], before)


def _file(deployment: Deployment) -> Path:
    """Return the file of the key. Raise UsageError if the key is not read from one."""
    source = deployment.settings.gpu.key
    if deployment.settings.sandbox is not None:
        raise UsageError("the sandbox has a key of its own, which costs nothing")
    if os.environ.get(source.env):
        raise UsageError(f"{source.env} is set, and would be used instead of the file", hint=f"unset {source.env}")
    if source.file is None:
        raise UsageError(
            f"the config names no file for the {source.what}", hint="set key/file in the provider's section"
        )
    return source.file


def _write(file: Path, content: bytes) -> None:
    """Write the file, mode 0600, in one step. Raise Failed."""
    temporary = file.with_name(f"{file.name}.tmp")
    try:
        with new_private(temporary) as target:
            target.write(content)
        temporary.replace(file)
    except OSError as error:
        raise Failed(f"{file}: cannot be written: {reason(error)}") from None


def _restore(file: Path, former: bytes | None) -> None:
    if former is not None:
        _write(file, former)
    else:
        file.unlink(missing_ok=True)
