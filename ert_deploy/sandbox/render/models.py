"""The records of the Render double, as plain data: services, deploys, events, logs, and the pace of it all.

Times are world seconds since 1970. Nothing here has effects; `Store` in `store` keeps these under one lock.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ert_deploy.sandbox.render.process import Instance

Profile = Literal["as_recorded", "spec_strict"]
Policy = Literal["wait", "override"]
Mode = Literal["build_and_deploy", "deploy_only"]

IN_FLIGHT = frozenset(
    {"created", "queued", "build_in_progress", "pre_deploy_in_progress", "update_in_progress"},
)
REUSABLE = frozenset({"live", "deactivated"})


@dataclass(frozen=True, slots=True)
class Timeline:
    """How long Render takes, in world seconds; figures of render.com/docs/deploys and /health-checks.

    `patience` is the one figure in real seconds: a real process needs it to boot, however fast the world runs.
    """

    created: float = 2.0
    build: float = 90.0
    boot: float = 10.0
    drain: float = 60.0
    health_deadline: float = 900.0
    wake: float = 45.0
    idle: float = 900.0
    patience: float = 20.0


@dataclass(slots=True)
class EnvVar:
    """One variable of a service; `seq` orders the listing and is new after every bulk replacement."""

    seq: int
    key: str
    value: str


@dataclass(slots=True)
class SecretFile:
    """One secret file; kept and listed, not written to disk."""

    seq: int
    name: str
    content: str


@dataclass(frozen=True, slots=True)
class Commit:
    """A git commit as deploys show it."""

    id: str
    message: str
    created: float


@dataclass(slots=True)
class Deploy:
    """One deploy; `env` is the environment taken when it started, and is what its processes keep seeing."""

    id: str
    seq: int
    service_id: str
    mode: Mode
    trigger: str
    created: float
    updated: float
    commit: Commit
    build_id: str
    status: str = "created"
    started: float | None = None
    finished: float | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    clear_cache: bool = False
    rollback_of: str | None = None
    first: bool = False
    at_once: bool = False
    hidden_reads: int = 0
    shown_status: str | None = None
    cancel: threading.Event = field(default_factory=threading.Event)

    @property
    def in_flight(self) -> bool:
        """True until the deploy has a final status."""
        return self.status in IN_FLIGHT


@dataclass(slots=True)
class Service:
    """One web service. `serving` answers at `port`; `live` is the deploy it came from."""

    id: str
    seq: int
    name: str
    slug: str
    port: int
    created: float
    updated: float
    details: dict[str, Any]
    branch: str = "main"
    repo: str = "https://localhost/example/ert"
    root_dir: str = ""
    auto_deploy: str = "yes"
    suspenders: list[str] = field(default_factory=list)
    env: dict[str, EnvVar] = field(default_factory=dict)
    secret_files: dict[str, SecretFile] = field(default_factory=dict)
    built: bool = False
    active: Deploy | None = None
    queued: Deploy | None = None
    live: Deploy | None = None
    serving: Instance | None = None
    instances: list[Instance] = field(default_factory=list)
    asleep: bool = False
    waking: bool = False
    reviving: bool = False
    last_request: float = 0.0
    sick_since: float | None = None

    @property
    def suspended(self) -> bool:
        """True while anybody (the user, billing, an administrator) holds the service suspended."""
        return bool(self.suspenders)

    @property
    def url(self) -> str:
        """The stable public address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def health_path(self) -> str:
        """Empty when the health check is a TCP connection only."""
        return str(self.details["healthCheckPath"])


@dataclass(frozen=True, slots=True)
class EnvGroup:
    """A group linked to services; service-level variables win over it."""

    id: str
    name: str
    created: float
    env: Mapping[str, str]
    links: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of a service's event list."""

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


@dataclass(slots=True)
class Troubles:
    """Troubles that wait for the next deploy, and those that stay until taken back."""

    next_deploy: list[dict[str, Any]] = field(default_factory=list)
    pipeline_minutes_exhausted: bool = False
    wake_status: int = 503
    skipped_vanish: bool = False

    def take(self, kind: str) -> dict[str, Any] | None:
        """The next waiting trouble of this kind, used up once its `count` is spent."""
        for trouble in self.next_deploy:
            if trouble["kind"] == kind:
                trouble["times"] -= 1
                if trouble["times"] <= 0:
                    self.next_deploy.remove(trouble)
                return trouble
        return None


def new_commit(now: float, message: str) -> Commit:
    """A commit nobody has seen before, made now; git keeps whole seconds."""
    return Commit(secrets.token_hex(20), message, float(int(now)))
