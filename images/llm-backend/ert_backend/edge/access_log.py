"""What is remembered of a request: metrics for all, a log line and an audit record for what matters. Never a body.

Strangers could fill disks with refusals: of these only some a second are written, the rest is added up.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from ert_backend.base.clock import boot_seconds
from ert_backend.base.metrics import Metrics
from ert_backend.base.routes import Route
from ert_backend.base.token_bucket import Buckets
from ert_backend.edge.audit import Audit

_log = logging.getLogger("ert_backend.requests")
QUIET = frozenset({"GET", "HEAD"})


@dataclass(slots=True)
class Visit:
    """One request as far as it may be remembered."""

    method: str
    route: Route
    started: float
    who: str | None = None
    status: int = 0
    reason: str = ""


@dataclass(slots=True)
class Witness:
    """Writes visits down."""

    metrics: Metrics
    audit: Audit
    refusals: Buckets = field(default_factory=lambda: Buckets(1.0, 60.0))
    unwritten: int = 0
    seen_keys: set[str] = field(default_factory=set)

    def arrived(self, method: str, route: Route) -> Visit:
        """A request head is complete."""
        self.metrics.active.inc()
        return Visit(method, route, boot_seconds())

    def left(self, visit: Visit) -> None:
        """The answer is out, or nobody is there to take it (status 0, which is told as 499)."""
        seconds, status = boot_seconds() - visit.started, visit.status or 499
        self.metrics.active.dec()
        self.metrics.answered(visit.method, visit.route.name, status, seconds)
        if visit.reason:
            self.metrics.refused.labels(visit.reason).inc()
        if visit.who is None:
            self._stranger(visit, status)
            return
        fields = {"method": visit.method, "route": visit.route.name, "status": status, "who": visit.who}
        _log.info("request", extra={"fields": {**fields, "seconds": round(seconds, 4)}})
        if visit.method not in QUIET or visit.who == "admin" or status >= 400 or visit.who not in self.seen_keys:
            self.seen_keys.add(visit.who)
            self.audit.record(visit.who, f"{visit.method} {visit.route.name}", status)

    def _stranger(self, visit: Visit, status: int) -> None:
        if status not in {401, 429}:
            return
        if self.refusals.take("all", boot_seconds()):
            self.unwritten += 1
            return
        more = {"unwritten": self.unwritten} if self.unwritten else {}
        self.unwritten = 0
        self.audit.record("-", f"{visit.route.name}", status, **more)
        _log.info("refused", extra={"fields": {"route": visit.route.name, "status": status, **more}})
