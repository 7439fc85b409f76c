"""Providers: one package per GPU cloud and per web host. Each implements a port; they do not import each other.

`ert_deploy.config.providers` has what a config says of each, by the same name. A package says
in `HOST` and `RECORD` where its client and its recording are; they are imported when they are used.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from ert_deploy.core.model.errors import UsageError
from ert_deploy.core.model.secret import Secret

if TYPE_CHECKING:
    from ert_deploy.ports import Clock, GpuHost, WebHost


class KeyAdmin(Protocol):
    """API keys of one account at a provider."""

    def named(self, name: str) -> tuple[str, ...]:
        """Return the ids of the keys with that name."""

    def create(self, name: str) -> tuple[str, Secret]:
        """Create a key with the least permissions; return id and value."""

    def delete(self, key_id: str) -> None:
        """Delete a key."""


def gpu_host(name: str, key: Secret, url: str, clock: Clock, act_within: float) -> GpuHost:
    """Return the client of a GPU cloud; `act_within` limits each create and start, in real seconds."""
    host: GpuHost = _of(name, "HOST")(key, url, clock, act_within)
    return host


def web_host(name: str, key: Secret, url: str, clock: Clock) -> WebHost:
    """Return the client of a web host."""
    host: WebHost = _of(name, "HOST")(key, url, clock)
    return host


def key_admin(name: str, key: Secret, url: str, clock: Clock) -> KeyAdmin:
    """Return the administration of the keys of an account. Raises UsageError if the provider's package has none."""
    if not hasattr(import_module(f"{__name__}.{name}"), "KEYS"):
        raise UsageError(f"keys of {name} cannot be made here", hint="use its console")
    admin: KeyAdmin = _of(name, "KEYS")(key, url, clock)
    return admin


def recording(name: str) -> Callable[..., None]:
    """Return the function that records an account at that provider: `record(ask)`, of a web host with the service."""
    record: Callable[..., None] = _of(name, "RECORD")
    return record


def _of(name: str, what: str) -> Any:
    """Return what a package names as `module:attribute`."""
    module, _, attribute = getattr(import_module(f"{__name__}.{name}"), what).partition(":")
    return getattr(import_module(f"{__name__}.{name}.{module}"), attribute)
