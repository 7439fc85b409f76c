"""Access log: metrics for all requests, a log line and an audit record for the relevant ones. Never a body.

Unauthenticated clients could fill the disk with rejected requests: their records are rate-limited, the others counted.
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
    """The fields of one request that may be recorded."""

    method: str
    route: Route
    started: float
    who: str | None = None
    status: int = 0
    reason: str = ""


@dataclass(slots=True)
class Witness:
    """Records requests."""

    metrics: Metrics
    audit: Audit
    refusals: Buckets = field(default_factory=lambda: Buckets(1.0, 60.0))
    unwritten: int = 0
    seen_keys: set[str] = field(default_factory=set)

    def arrived(self, method: str, route: Route) -> Visit:
        """Record a complete request head."""
        self.metrics.active.inc()
        return Visit(method, route, boot_seconds())

    def left(self, visit: Visit) -> None:
        """Record the end of a response; status 0, when the client has disconnected, is recorded as 499."""
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
