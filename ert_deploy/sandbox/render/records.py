"""Data classes of what belongs to a workspace besides services and deploys: variables, files, disks, events, logs.

Times are `WorldClock` time as Unix seconds. No I/O.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class SecretFile:
    """One secret file."""

    seq: int
    name: str
    content: str


@dataclass(slots=True)
class EnvVar:
    """One variable of a service; `seq` is the sort key of the list, and changes with every bulk replacement."""

    seq: int
    key: str
    value: str


@dataclass(frozen=True, slots=True)
class Domain:
    """A custom domain of a service. It is listed, but not served: nothing of the sandbox has a public address."""

    id: str
    seq: int
    name: str
    created: float
    redirect_for: str = ""


@dataclass(frozen=True, slots=True)
class EnvGroup:
    """A group linked to services; a service's own values override it."""

    id: str
    name: str
    created: float
    env: Mapping[str, str]
    links: tuple[str, ...]
    files: Mapping[str, str] = field(default_factory=dict)
    updated: float | None = None


@dataclass(frozen=True, slots=True)
class Disk:
    """A persistent disk of a service; no file system is mounted. Size in GB."""

    id: str
    seq: int
    service_id: str
    name: str
    mount_path: str
    size: int
    created: float
    updated: float


@dataclass(frozen=True, slots=True)
class Datastore:
    """A Postgres database (`dpg-`) or a Key Value instance (`red-`); `address` is the URL of its server."""

    id: str
    seq: int
    name: str
    plan: str
    region: str
    created: float
    updated: float
    password: str
    details: Mapping[str, Any]
    address: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a service."""

    id: str
    seq: int
    service_id: str
    type: str
    time: float
    details: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of output; `type` is app or build."""

    id: str
    service_id: str
    instance: str
    type: str
    level: str
    time: float
    message: str
