"""Process fleet: runs the instances of each service and replaces them without downtime.

A new instance boots while the old one is serving, must pass the health check and then gets the traffic; the old one
gets SIGTERM a minute later and SIGKILL after the service's shutdown delay (render.com/docs/deploys, zero-downtime
deploys). This module does not depend on the reason for a replacement: it is used for deploys, restarts and crashes.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ert_deploy.sandbox.render.instance_env import app_root, platform_env
from ert_deploy.sandbox.render.models import Deploy, Service, Timeline
from ert_deploy.sandbox.render.process import (
    HEALTH_TIMEOUT,
    Command,
    Instance,
    ProcessBook,
    failure_of,
    healthy,
    inherited,
    start_command,
)
from ert_deploy.sandbox.render.proxy import BAD_GATEWAY, Page
from ert_deploy.sandbox.render.store import Store, random_text
from ert_deploy.sandbox.render.workers import Workers
from ert_deploy.sandbox.runtime.clock import WorldClock
from ert_deploy.sandbox.runtime.loopback import confined
from ert_deploy.sandbox.runtime.servers import free_port

PROBE_REAL_SECONDS = (0.05, 1.0)
GRACE_REAL_SECONDS = 2.0
WORKER_SECONDS = 10.0  # F60
WORKER_REAL_SECONDS = 2.0


class Canceled(Exception):
    """The operation was canceled while it was waiting."""


class Unhealthy(Exception):
    """The new instance failed to start; `failure` is the reason in the event."""

    def __init__(self, failure: Mapping[str, Any]) -> None:
        super().__init__("instance did not start")
        self.failure = dict(failure)


@dataclass(slots=True)
class Fleet:
    """All instances of all services."""

    store: Store
    timeline: Timeline
    workers: Workers
    book: ProcessBook
    command: Command | None
    cwd: Path
    scratch: Path

    def boot(self, service: Service, deploy: Deploy) -> Instance:
        """Start another instance of the service, which gets no traffic yet."""
        port, name = free_port(), f"{service.id}-{random_text(5)}"
        disk = self._disk(name)
        own = {"PORT": str(port), "TMPDIR": str(disk)}
        platform = inherited() | platform_env(service, deploy, name, port)
        given = confined(platform, self.book.directory, {**deploy.env, **own})
        instance = Instance(
            name,
            service.id,
            deploy.id,
            command=self._command(service, port),
            cwd=app_root(self.cwd, disk, deploy.files),
            env=given,
            port=port,
            created=self.store.clock.now(),
            sink=self.store.sink(service.id, name),
            book=self.book,
        )
        with self.store.lock:
            service.instances.append(instance)
        return instance

    def _command(self, service: Service, port: int) -> Sequence[str]:
        if self.command and not service.worker:
            return self.command(port)
        return start_command(service.details["envSpecificDetails"], worker=service.worker)

    def _disk(self, name: str) -> Path:
        """Create an empty directory for an instance, because Render's file system is empty after every deploy."""
        folder = self.scratch / name
        folder.mkdir(parents=True, mode=0o700)
        return folder

    def await_healthy(
        self, service: Service, instance: Instance, cancel: threading.Event, *, refuse: bool = False
    ) -> None:
        """Return once the instance passes its check; `refuse` fails every check. Raises `Canceled` or `Unhealthy`."""
        clock = self.store.clock
        patience = 0.0 if refuse else self.timeline.patience * clock.speed
        deadline = clock.now() + max(self.timeline.health_deadline, patience)
        low, high = (seconds * clock.speed for seconds in PROBE_REAL_SECONDS)
        while clock.now() < deadline:
            if cancel.is_set() or self.store.closing.is_set():
                raise Canceled
            if instance.exited.is_set():
                raise Unhealthy(failure_of(instance.exit_code or 0))
            if not refuse and _passes(service, instance, clock):
                return
            clock.wait(cancel, min(max(low, HEALTH_TIMEOUT), high))
        raise Unhealthy({"evicted": False, "unhealthy": unhealthy_text(service)})

    def promote(self, service: Service, instance: Instance, leaving: Sequence[Instance]) -> None:
        """Route traffic to `instance` in place of those `leaving`, which are drained."""
        with self.store.lock:
            service.serving = [*(i for i in service.serving if i not in leaving), instance]
            service.asleep = service.waking = False
            service.last_request = self.store.clock.now()
        for old in leaving:
            self.workers.start(self._drain, service, old)

    def withdraw(self, service: Service, instances: Sequence[Instance]) -> None:
        """Remove instances: one that has traffic already is drained, any other is terminated at once."""
        with self.store.lock:
            busy = [i for i in instances if i in service.serving]
            service.serving = [i for i in service.serving if i not in busy]
        for instance in instances:
            if instance in busy:
                self.workers.start(self._drain, service, instance)
            else:
                self.discard(service, instance)

    def shrink(self, service: Service) -> None:
        """Drain the instances beyond the number that should run, newest first."""
        with self.store.lock:
            service.serving, extra = (
                service.serving[: service.wanted_instances],
                service.serving[service.wanted_instances :],
            )
        for instance in extra:
            self.workers.start(self._drain, service, instance)

    def discard(self, service: Service, instance: Instance) -> None:
        """Terminate one instance at once."""
        instance.terminate()
        self._finish(service, instance, GRACE_REAL_SECONDS / 4)

    def retire(self, service: Service) -> None:
        """Terminate all instances of a service that is stopped, deleted or sleeping."""
        with self.store.lock:
            leaving, service.serving = list(service.instances), []
        for instance in leaving:
            instance.terminate()
        for instance in leaving:
            self._finish(service, instance, GRACE_REAL_SECONDS / 4)

    def replace(self, service: Service, instances: Sequence[Instance]) -> None:
        """Replace `instances` one at a time by new ones of the *live* deploy, with its commit and environment."""
        for instance in instances:
            if not self._add(service, (instance,)):
                return

    def fill(self, service: Service) -> None:
        """Start instances of the live deploy until as many run as should."""
        while len(service.serving) < service.wanted_instances and not self.store.closing.is_set():
            if not self._add(service, ()):
                return

    def _add(self, service: Service, leaving: Sequence[Instance]) -> bool:
        live = service.live
        if live is None:
            return False
        instance = self.boot(service, live)
        try:
            self.await_healthy(service, instance, self.store.closing)
        except (Canceled, Unhealthy):
            self.discard(service, instance)
            return False
        with self.store.lock:
            wanted = service.live is live and not service.suspended
            if wanted:
                self.promote(service, instance, leaving)
        if not wanted:
            self.discard(service, instance)
        return wanted

    def upstream(self, service_id: str) -> int | Page:
        """Return the target of a request for this service: a port, or one of Render's own pages."""
        with self.store.lock:
            service = self.store.services.get(service_id)
            if service is None:
                return Page(404, "Not Found", "no-server")
            if service.suspended:
                return Page(503, "Service Suspended", f"suspend-by-{service.suspenders[0]}")
            if service.asleep:
                self._wake(service)
                return Page(self.store.troubles.wake_status, "Application loading", "hibernate-wake")
            if service.details["renderSubdomainPolicy"] == "disabled":
                return Page(404, "Not Found", "no-server")
            service.last_request = self.store.clock.now()
            service.turn += 1
            return service.serving[service.turn % len(service.serving)].port if service.serving else BAD_GATEWAY

    def stop(self) -> None:
        """Terminate all instances; to be called after `store.closing` is set."""
        for service in list(self.store.services.values()):
            self.retire(service)

    def _wake(self, service: Service) -> None:
        if not service.waking:
            service.waking = True
            self.workers.start(self._woken, service)

    def _woken(self, service: Service) -> None:
        self.store.clock.wait(self.store.closing, self.timeline.wake)
        self.fill(service)
        service.waking = False

    def _drain(self, service: Service, instance: Instance) -> None:
        clock = self.store.clock
        clock.wait(self.store.closing, self.timeline.drain)
        instance.terminate()
        delay = clock.real_seconds(float(service.details["maxShutdownDelaySeconds"]))
        self._finish(service, instance, max(delay, GRACE_REAL_SECONDS))

    def _finish(self, service: Service, instance: Instance, grace: float) -> None:
        instance.exited.wait(0.5 if self.store.closing.is_set() else grace)
        instance.kill()
        with self.store.lock:
            if instance in service.instances:
                service.instances.remove(instance)


def _passes(service: Service, instance: Instance, clock: WorldClock) -> bool:
    """Whether the web host takes a new instance: by its check, or of a worker, which has none, by its running on."""
    if service.worker:
        return clock.now() - instance.created > max(WORKER_SECONDS, WORKER_REAL_SECONDS * clock.speed)
    return healthy(instance.port, service.health_path, f"127.0.0.1:{service.port}")


def unhealthy_text(service: Service) -> str:
    """Return the text of the event for a failed health check."""
    if not service.health_path:
        return "no open ports detected"
    return f"HTTP health check failed (GET {service.health_path}, timed out after {HEALTH_TIMEOUT:g} seconds)"
