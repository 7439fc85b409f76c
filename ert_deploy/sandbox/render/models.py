"""Data classes: services, deploys and the timing of Render.

Times are `WorldClock` time as Unix seconds. No I/O; `Store` in `store` protects these objects by one lock.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ert_deploy.sandbox.render.images import Image
from ert_deploy.sandbox.render.process import Instance
from ert_deploy.sandbox.render.records import Domain, EnvVar, SecretFile

Profile = Literal["as_recorded", "spec_strict"]
Policy = Literal["wait", "override"]
Mode = Literal["build_and_deploy", "deploy_only"]

IN_FLIGHT = frozenset(
    {"created", "queued", "build_in_progress", "pre_deploy_in_progress", "update_in_progress"},
)
REUSABLE = frozenset({"live", "deactivated"})


@dataclass(frozen=True, slots=True)
class Timeline:
    """Timing of Render in `WorldClock` seconds, from render.com/docs/deploys and /health-checks.

    Only `patience` is in real seconds: a real process needs this time to boot, whatever the clock's speed.
    """

    # F37
    created: float = 2.0
    # F38
    build: float = 90.0
    # F39
    boot: float = 10.0
    drain: float = 60.0
    health_deadline: float = 900.0
    # F40
    wake: float = 45.0
    idle: float = 900.0
    patience: float = 20.0


@dataclass(frozen=True, slots=True)
class Commit:
    """A git commit in the format of deploys."""

    id: str
    message: str
    created: float


@dataclass(slots=True)
class Deploy:
    """One deploy, of a commit or of an image; `env` and `files`, as at its start, are those of all of its instances."""

    id: str
    seq: int
    service_id: str
    mode: Mode
    trigger: str
    created: float
    updated: float
    commit: Commit | None
    build_id: str
    image: Image | None = None
    status: str = "created"
    started: float | None = None
    finished: float | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    clear_cache: bool = False
    rollback_of: str | None = None
    first: bool = False
    at_once: bool = False
    hidden_reads: int = 0
    shown_status: str | None = None
    cancel: threading.Event = field(default_factory=threading.Event)

    @property
    def in_flight(self) -> bool:
        """Whether the deploy has no final status yet."""
        return self.status in IN_FLIGHT


@dataclass(slots=True)
class Service:
    """One web service or worker. `serving` receive the requests at `port` in turn; `live` is their deploy.

    `image` is the path of its container image, None for a service from git. `parent` is the id of the service that it
    is a preview of, `pull_request` the number of the pull request, None for a preview of an image.
    """

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
    trigger: str = "commit"
    build_filter: dict[str, Any] | None = None
    image: str | None = None
    parent: str | None = None
    pull_request: int | None = None
    domains: dict[str, Domain] = field(default_factory=dict)
    suspenders: list[str] = field(default_factory=list)
    env: dict[str, EnvVar] = field(default_factory=dict)
    secret_files: dict[str, SecretFile] = field(default_factory=dict)
    built: bool = False
    active: Deploy | None = None
    queued: Deploy | None = None
    live: Deploy | None = None
    serving: list[Instance] = field(default_factory=list)
    instances: list[Instance] = field(default_factory=list)
    asleep: bool = False
    waking: bool = False
    reviving: bool = False
    last_request: float = 0.0
    turn: int = 0
    worker: bool = False

    @property
    def type(self) -> str:
        """Its type in the API."""
        return "background_worker" if self.worker else "web_service"

    @property
    def suspended(self) -> bool:
        """Whether the service is suspended by the user, by billing or by an administrator."""
        return bool(self.suspenders)

    @property
    def wanted_instances(self) -> int:
        """How many instances should run. Autoscaling keeps the number in its range; no load is measured."""
        wanted, scaling = int(self.details["numInstances"]), self.details.get("autoscaling")
        if scaling and scaling["enabled"]:
            return int(max(scaling["min"], min(wanted, scaling["max"])))
        return wanted

    @property
    def url(self) -> str:
        """The constant public URL."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def health_path(self) -> str:
        """Path of the health check; empty if it is only a TCP connection."""
        return str(self.details["healthCheckPath"])


@dataclass(slots=True)
class Troubles:
    """Faults for the next deploys, and those that are active until switched off."""

    next_deploy: list[dict[str, Any]] = field(default_factory=list)
    pipeline_minutes_exhausted: bool = False
    wake_status: int = 503
    skipped_vanish: bool = False

    def take(self, kind: str) -> dict[str, Any] | None:
        """Return the next fault of this kind, or None; it is removed after `count` uses."""
        for trouble in self.next_deploy:
            if trouble["kind"] == kind:
                trouble["times"] -= 1
                if trouble["times"] <= 0:
                    self.next_deploy.remove(trouble)
                return trouble
        return None


def new_commit(now: float, message: str) -> Commit:
    """Return a new commit at the current time, in whole seconds as in git."""
    return Commit(secrets.token_hex(20), message, float(int(now)))
