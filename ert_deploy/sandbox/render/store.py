"""State of the platform, protected by one lock: services, deploys, environments, events, logs and faults.

This module does not start processes or open sockets. Ids have the format of Render (`srv-`, `dep-`, `evt-` and 20
lower-case alphanumeric characters).
"""

from __future__ import annotations

import secrets
import string
import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from ert_deploy.sandbox.render.models import Deploy, Policy, Service, Troubles
from ert_deploy.sandbox.render.records import Datastore, Disk, EnvGroup, Event, LogLine
from ert_deploy.sandbox.runtime.clock import WorldClock

LOG_LINES = 20_000


class Store:
    """All records. Acquire `lock` to read more than one field, or to write."""

    def __init__(self, clock: WorldClock, policy: Policy = "wait") -> None:
        self.clock = clock
        self.policy = policy
        self.lock = threading.RLock()
        self.closing = threading.Event()
        self.owner_id = new_id("tea")
        self.user_id = new_id("usr")
        self.services: dict[str, Service] = {}
        self.deploys: dict[str, Deploy] = {}
        self.groups: dict[str, EnvGroup] = {}
        self.disks: dict[str, Disk] = {}
        self.datastores: dict[str, Datastore] = {}
        self.events: list[Event] = []
        self.logs: deque[LogLine] = deque(maxlen=LOG_LINES)
        self.troubles = Troubles()
        self._seq = 0

    def next_seq(self) -> int:
        """Return a number that is larger than all previous ones."""
        with self.lock:
            self._seq += 1
            return self._seq

    def event(self, service: Service, kind: str, details: Mapping[str, Any] | None = None) -> None:
        """Append an event with the current time."""
        with self.lock:
            event = Event(new_id("evt"), self.next_seq(), service.id, kind, self.clock.now(), details or {})
            self.events.append(event)

    def log(self, service_id: str, message: str, *, instance: str = "", kind: str = "app") -> None:
        """Append a line of output with the current time."""
        level = "error" if "error" in message.lower() or "traceback" in message.lower() else "info"
        line = LogLine(new_id("log"), service_id, instance, kind, level, self.clock.now(), message)
        with self.lock:
            self.logs.append(line)

    def sink(self, service_id: str, instance: str) -> Callable[[str], None]:
        """Return a function that logs the output of one instance."""
        return lambda message: self.log(service_id, message, instance=instance)

    def deploys_of(self, service_id: str) -> list[Deploy]:
        """Return the deploys, newest first."""
        with self.lock:
            mine = [d for d in self.deploys.values() if d.service_id == service_id]
        return sorted(mine, key=lambda d: -d.seq)

    def files_of(self, service: Service) -> dict[str, str]:
        """Return the current secret files: those of groups (newest overrides), then its own."""
        with self.lock:
            merged: dict[str, str] = {}
            for group in sorted(self.groups.values(), key=lambda g: g.created):
                if service.id in group.links:
                    merged.update(group.files)
            return merged | {f.name: f.content for f in service.secret_files.values()}

    def environment_of(self, service: Service) -> dict[str, str]:
        """Return the current environment: groups of the service (newest overrides), then its own variables."""
        with self.lock:
            merged: dict[str, str] = {}
            for group in sorted(self.groups.values(), key=lambda g: g.created):
                if service.id in group.links:
                    merged.update(group.env)
            return merged | {v.key: v.value for v in service.env.values()}


def new_id(prefix: str, length: int = 20) -> str:
    """Return `prefix-` and a `random_text`."""
    return f"{prefix}-{random_text(length)}"


def random_text(length: int) -> str:
    """Return random lower-case alphanumeric characters."""
    return "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(length))
