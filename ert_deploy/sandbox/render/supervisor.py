"""Supervisor: replaces crashed and unhealthy instances, and stops idle services of the free plan, like Render.

Values (render.com/docs/health-checks, /docs/free): a check every 5 s, a restart after 60 s of failures, sleep after
15 minutes without a request. A minimum in real seconds is added, so that a fast clock does not restart a process
that is only busy.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ert_deploy.sandbox.render.fleet import Fleet, unhealthy_text
from ert_deploy.sandbox.render.models import Service
from ert_deploy.sandbox.render.process import HEALTH_TIMEOUT, Instance, failure_of, healthy

TICK_REAL_SECONDS = 0.2
PROBE_REAL_SECONDS = 3.0
# F51
RETRY_REAL_SECONDS = 1.0
SICK_SECONDS = 60.0
SICK_REAL_SECONDS = 15.0


@dataclass(slots=True)
class Keeper:
    """Checks all services periodically until the store is closed."""

    fleet: Fleet
    _probed: dict[str, float] = field(default_factory=dict)
    _failing: dict[str, float] = field(default_factory=dict)

    def run(self) -> None:
        """Run the checks; this is the target of the thread."""
        store = self.fleet.store
        while not store.closing.wait(max(TICK_REAL_SECONDS, store.clock.real_seconds(1.0))):
            for service in list(store.services.values()):
                if not service.suspended:
                    self._look(service)

    def _look(self, service: Service) -> None:
        if self._crashed(service) or self._missing(service):
            self.fleet.workers.start(self._revive, service)
            return
        if self._idle(service):
            self.sleep(service)
        elif sick := self._sick(service):
            self.fleet.store.event(service, "server_failed", {"reason": _sick_reason(service)})
            self.fleet.replace(service, sick)
        elif service.active is None and len(service.serving) > service.wanted_instances:
            self.fleet.shrink(service)

    def sleep(self, service: Service) -> None:
        """Stop the service until its next request."""
        with self.fleet.store.lock:
            service.asleep = True
        self.fleet.retire(service)

    def _crashed(self, service: Service) -> bool:
        store = self.fleet.store
        with store.lock:
            gone = [i for i in service.serving if i.exited.is_set()]
            if not gone:
                return False
            service.serving = [i for i in service.serving if i not in gone]
            service.reviving = True
            for instance in gone:
                service.instances.remove(instance)
        for instance in gone:
            details = {"instanceID": instance.id, "reason": failure_of(instance.exit_code or 0)}
            store.event(service, "server_failed", details)
        return True

    def _missing(self, service: Service) -> bool:
        with self.fleet.store.lock:
            busy = service.active is not None or service.asleep or service.reviving or service.suspended
            if busy or service.live is None or len(service.serving) >= service.wanted_instances:
                return False
            service.reviving = True
        return True

    def _revive(self, service: Service) -> None:
        down = not service.serving
        self.fleet.fill(service)
        if not service.serving:
            self.fleet.store.closing.wait(RETRY_REAL_SECONDS)
        elif down:
            self.fleet.store.event(service, "server_available")
        service.reviving = False

    def _idle(self, service: Service) -> bool:
        live, store = service.live, self.fleet.store
        if service.asleep or live is None or service.details["plan"] != "free" or service.active is not None:
            return False
        return store.clock.now() - service.last_request > self.fleet.timeline.idle

    def _sick(self, service: Service) -> list[Instance]:
        """Return the instances that have failed all checks for as long as Render waits."""
        clock = self.fleet.store.clock
        now, pause = clock.now(), max(HEALTH_TIMEOUT, PROBE_REAL_SECONDS * clock.speed)
        if service.worker or not service.serving or now - self._probed.get(service.id, 0.0) < pause:
            return []
        self._probed[service.id] = now
        sick = [i for i in service.serving if not healthy(i.port, service.health_path, f"127.0.0.1:{service.port}")]
        since = {i.id: self._failing.get(i.id, now) for i in sick}
        for instance in service.instances:
            self._failing.pop(instance.id, None)
        limit = max(SICK_SECONDS, SICK_REAL_SECONDS * clock.speed)
        found = [i for i in sick if now - since[i.id] > limit]
        self._failing |= {i.id: since[i.id] for i in sick if i not in found}
        return found


def _sick_reason(service: Service) -> dict[str, object]:
    return {"evicted": False, "unhealthy": unhealthy_text(service)}
