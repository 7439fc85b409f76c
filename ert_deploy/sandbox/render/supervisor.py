"""Supervisor: replaces crashed and unhealthy instances, and stops idle services of the free plan, like Render.

Values (render.com/docs/health-checks, /docs/free): a check every 5 s, a restart after 60 s of failures, sleep after
15 minutes without a request. A minimum in real seconds is added, so that a fast clock does not restart a process
that is only busy.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ert_deploy.sandbox.render.fleet import Fleet, unhealthy_text
from ert_deploy.sandbox.render.models import Service
from ert_deploy.sandbox.render.process import HEALTH_TIMEOUT, failure_of, healthy

TICK_REAL_SECONDS = 0.2
PROBE_REAL_SECONDS = 3.0
RETRY_REAL_SECONDS = 1.0
SICK_SECONDS = 60.0
SICK_REAL_SECONDS = 15.0


@dataclass(slots=True)
class Keeper:
    """Checks all services periodically until the store is closed."""

    fleet: Fleet
    _probed: dict[str, float] = field(default_factory=dict)

    def run(self) -> None:
        """Run the checks; this is the target of the thread."""
        store = self.fleet.store
        while not store.closing.wait(max(TICK_REAL_SECONDS, store.clock.real_seconds(1.0))):
            for service in list(store.services.values()):
                if not service.suspended:
                    self._look(service)

    def _look(self, service: Service) -> None:
        if self._crashed(service) or self._absent(service):
            self.fleet.workers.start(self._revive, service)
            return
        if self._idle(service):
            self.sleep(service)
        elif self._sick(service):
            self.fleet.store.event(service, "server_failed", {"reason": _sick_reason(service)})
            service.sick_since = None
            self.fleet.replace(service)

    def sleep(self, service: Service) -> None:
        """Stop the service until its next request."""
        with self.fleet.store.lock:
            service.asleep = True
        self.fleet.retire(service)

    def _crashed(self, service: Service) -> bool:
        store = self.fleet.store
        with store.lock:
            gone = service.serving
            if gone is None or not gone.exited.is_set():
                return False
            service.serving = None
            service.reviving = True
            service.instances.remove(gone)
        reason = failure_of(gone.exit_code or 0)
        store.event(service, "server_failed", {"instanceID": gone.id, "reason": reason})
        return True

    def _absent(self, service: Service) -> bool:
        with self.fleet.store.lock:
            busy = service.active is not None or service.asleep or service.reviving or service.suspended
            if busy or service.live is None or service.serving is not None:
                return False
            service.reviving = True
        return True

    def _revive(self, service: Service) -> None:
        self.fleet.replace(service)
        if service.serving is not None:
            self.fleet.store.event(service, "server_available")
        else:
            self.fleet.store.closing.wait(RETRY_REAL_SECONDS)
        service.reviving = False

    def _idle(self, service: Service) -> bool:
        live, store = service.live, self.fleet.store
        if service.asleep or live is None or service.details["plan"] != "free" or service.active is not None:
            return False
        return store.clock.now() - service.last_request > self.fleet.timeline.idle

    def _sick(self, service: Service) -> bool:
        clock, serving = self.fleet.store.clock, service.serving
        now = clock.now()
        pause = max(HEALTH_TIMEOUT, PROBE_REAL_SECONDS * clock.speed)
        if serving is None or now - self._probed.get(service.id, 0.0) < pause:
            return False
        self._probed[service.id] = now
        if healthy(serving.port, service.health_path, f"127.0.0.1:{service.port}"):
            service.sick_since = None
            return False
        service.sick_since = service.sick_since or now
        return now - service.sick_since > max(SICK_SECONDS, SICK_REAL_SECONDS * clock.speed)


def _sick_reason(service: Service) -> dict[str, object]:
    return {"evicted": False, "unhealthy": unhealthy_text(service)}
