"""Providers: one package per GPU cloud and per web host. Each implements a port; they do not import each other.

`ert_deploy.config.providers` has what a config says of each, by the same name. A package is imported when it is used.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ert_deploy.core.model.secret import Secret

if TYPE_CHECKING:
    from ert_deploy.ports import Clock, GpuHost, WebHost

_GPU = {"vast": "client:VastHost"}
_WEB = {"render": "web:RenderWeb"}


def gpu_host(name: str, key: Secret, url: str, clock: Clock, act_within: float) -> GpuHost:
    """Return the client of a GPU cloud; `act_within` limits each create and start, in real seconds. Raises KeyError."""
    host: GpuHost = _of(name, _GPU[name])(key, url, clock, act_within)
    return host


def web_host(name: str, key: Secret, url: str, clock: Clock) -> WebHost:
    """Return the client of a web host. Raises KeyError for another name."""
    host: WebHost = _of(name, _WEB[name])(key, url, clock)
    return host


def recording(name: str) -> Callable[..., None]:
    """Return the function that records an account at that provider: `record(ask)`, of a web host with the service."""
    record: Callable[..., None] = _of(name, "recording:record")
    return record


def _of(name: str, what: str) -> Any:
    module, _, attribute = what.partition(":")
    return getattr(import_module(f"{__name__}.{name}.{module}"), attribute)
