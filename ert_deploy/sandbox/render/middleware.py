"""API middleware: authentication, request limits, and the headers of every response.

The limits use fixed windows of `WorldClock` time, aligned to the minute or the hour, which matches the recorded values
of `Ratelimit-Reset` (at most 59 for a minute, the rest of the hour otherwise). The header contains the *seconds left*,
although the documentation describes an epoch timestamp; `reset_as_epoch` selects the documented format.
"""

from __future__ import annotations

import hmac
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ert_deploy.sandbox.httpd.server import Handler, Reply, Request
from ert_deploy.sandbox.render.pagination import ApiError, check_times
from ert_deploy.sandbox.render.store import random_text
from ert_deploy.sandbox.runtime.clock import WorldClock

# One bucket per service: api-docs.render.com/reference/rate-limiting.
PER_SERVICE = frozenset(
    {"update_service", "create_deploy", "rollback_deploy", "scale_service", "suspend_service", "resume_service"},
)
STANDARD: Mapping[str, str] = {
    "Vary": "Origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Xss-Protection": "1; mode=block",
    "Referrer-Policy": "same-origin",
}


@dataclass(frozen=True, slots=True)
class Bucket:
    """At most `limit` requests per `period` in `WorldClock` seconds."""

    name: str
    limit: int
    period: int


ANONYMOUS = Bucket("anonymous", 400, 60)


def bucket_of(request: Request) -> Bucket:
    """Return the bucket of a request; the one for deploys is per service, the others are per user."""
    if request.operation in PER_SERVICE:
        return Bucket(f"deploy:{request.params['service']}", 10, 60)
    if request.operation in ("create_service", "create_postgres", "create_key_value"):
        return Bucket("create", 20, 3600)
    if request.operation == "create_domain":
        return Bucket("domains", 50, 3600)
    if request.operation == "list_logs":
        return Bucket("logs", 30, 60)
    if request.method == "GET":
        return Bucket("read", 400, 60)
    return Bucket("write", 100, 60)


@dataclass(slots=True)
class RouterMiddleware:
    """The middleware of the router."""

    clock: WorldClock
    key: str
    reset_as_epoch: bool = False
    _used: dict[str, tuple[int, int]] = field(default_factory=dict)
    _count: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _host: str = field(default_factory=lambda: f"api-{secrets.token_hex(5)}-{random_text(5)}")

    def __call__(self, request: Request, handler: Handler) -> Reply:
        known = self._authentic(request)
        bucket = bucket_of(request) if known else ANONYMOUS
        left, seconds = self._take(bucket)
        # F44
        reply = _answer(request, handler, left, seconds) if known else ApiError(401, "unauthorized").reply()
        reset = int(self.clock.now() + seconds) if self.reset_as_epoch else int(seconds)
        limits = {
            "Ratelimit-Limit": str(bucket.limit),
            "Ratelimit-Remaining": str(max(left, 0)),
            "Ratelimit-Reset": str(reset),
            "Render-Request-Id": self._request_id(),
        }
        return replace(reply, headers={**STANDARD, **limits, **reply.headers})

    def _authentic(self, request: Request) -> bool:
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        return scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), self.key.encode())

    def _take(self, bucket: Bucket) -> tuple[int, float]:
        """Return the remaining requests (negative: rejected), and the `WorldClock` seconds until the window ends."""
        now = self.clock.now()
        window = int(now // bucket.period)
        with self._lock:
            last, used = self._used.get(bucket.name, (window, 0))
            used = used + 1 if last == window else 1
            self._used[bucket.name] = (window, used)
        return bucket.limit - used, (window + 1) * bucket.period - now

    def _request_id(self) -> str:
        with self._lock:
            self._count += 1
            return f"{self._host}/{random_text(10)}-{self._count:06d}"


def _answer(request: Request, handler: Handler, left: int, seconds: float) -> Reply:
    if left < 0:
        refused = ApiError(429, "rate limit exceeded").reply()
        return replace(refused, headers={"Retry-After": str(int(seconds) + 1)})
    try:
        if request.method == "GET":
            check_times(request)
        return handler(request)
    except ApiError as error:
        return error.reply()
