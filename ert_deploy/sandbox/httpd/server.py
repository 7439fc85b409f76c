"""Threaded HTTP server, with fault injection for every named operation.

Providers fail in ways that web frameworks do not reproduce: a response that is never sent although the operation had an
effect, a reset, an HTML page instead of JSON. Here faults are part of the server, not of the handlers: the handler does
what the provider would do, and the fault decides what the client receives.
"""

from __future__ import annotations

import functools
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from urllib.parse import unquote

from ert_deploy.sandbox.httpd.exchange import MAX_BODY, Listener, Now
from ert_deploy.sandbox.httpd.faults import Fault, Faults
from ert_deploy.sandbox.httpd.messages import JSON_TYPE, Reply, Request

__all__ = ["Handler", "Middleware", "Reply", "Request", "Route", "Router", "Server", "not_found"]

Handler = Callable[[Request], Reply]
Middleware = Callable[[Request, Handler], Reply]


@dataclass(frozen=True, slots=True)
class Route:
    """A route. `operation` is the name that faults refer to; `{name}` in the pattern matches one path segment.

    `{name*}` matches one or more.
    """

    method: str
    pattern: str
    operation: str
    handler: Handler

    def match(self, method: str, path: str) -> dict[str, str] | None:
        """Return the decoded path parameters, or None if the route does not match."""
        if method != self.method:
            return None
        found = _regex(self.pattern).fullmatch(path)
        return {k: unquote(v) for k, v in found.groupdict().items()} if found else None


class Router:
    """Dispatches a request to the first matching route, through one middleware (authentication, rate limits)."""

    def __init__(self, middleware: Middleware | None = None) -> None:
        self.routes: list[Route] = []
        self.middleware = middleware

    def add(self, method: str, pattern: str, operation: str, handler: Handler) -> None:
        """Register one operation. A final `/` is optional in the pattern and in the request."""
        self.routes.append(Route(method, pattern, operation, handler))

    def resolve(self, request: Request) -> tuple[Request, Handler]:
        """Return the request with its operation and parameters, and its handler (`not_found` if no route matches)."""
        for route in self.routes:
            params = route.match(request.method, request.path)
            if params is not None:
                return replace(request, operation=route.operation, params=params), route.handler
        return request, not_found

    def __call__(self, request: Request) -> Reply:
        request, handler = self.resolve(request)
        return self.middleware(request, handler) if self.middleware else handler(request)


def not_found(_: Request) -> Reply:
    """Return the reply for an unknown path."""
    return Reply.text("404 page not found\n", 404)


@functools.cache
def _regex(pattern: str) -> re.Pattern[str]:
    several = re.sub(r"\{(\w+)\*\}", r"(?P<\1>.+)", pattern.rstrip("/"))
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", several) + "/?")


class Server:
    """Serves one router on a loopback port until `stop`; 0 picks a port. `now` is the clock for `Date` headers.

    `json_type` is the `Content-Type` of every JSON body: providers differ, and some clients compare it exactly.
    `max_body` is the most bytes of a request; a longer one is a 400.
    """

    def __init__(
        self,
        router: Router,
        faults: Faults | None = None,
        port: int = 0,
        now: Now = time.time,
        *,
        json_type: str = JSON_TYPE,
        max_body: int = MAX_BODY,
    ) -> None:
        self.router = router
        self._json_type = json_type
        self.faults = faults or Faults()
        self._httpd = Listener(("127.0.0.1", port), self.answer, now, max_body)
        self._thread = threading.Thread(target=self._httpd.serve_forever, args=(0.05,), daemon=True)
        self._late: list[threading.Timer] = []

    @property
    def port(self) -> int:
        """The listening port."""
        return int(self._httpd.server_address[1])

    @property
    def url(self) -> str:
        """Base URL, not ending in `/`."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> Server:
        """Start the server and return it."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Close the port and all connections, and cancel late effects. Also allowed before `start`."""
        self.faults.close()
        for timer in self._late:
            timer.cancel()
        if self._thread.is_alive():
            self._httpd.shutdown()
            self._thread.join(5)
        self._httpd.server_close()
        self._httpd.cut()

    def answer(self, request: Request) -> Reply | None:
        """Return the reply that the client receives, or None for a connection reset."""
        reply = self._answer(request)
        if reply is None or reply.content_type != JSON_TYPE:
            return reply
        return replace(reply, content_type=self._json_type)

    def _answer(self, request: Request) -> Reply | None:
        request, _ = self.router.resolve(request)
        fault = self.faults.take(request.operation)
        if fault is None:
            return self.router(request)
        return self._faulty(request, fault)

    def _faulty(self, request: Request, fault: Fault) -> Reply | None:
        honest = self._effect(request, fault)
        self.faults.pause(fault)
        if fault.reset:
            return None
        if (instead := fault.answer(request)) is not None:
            return instead
        return replace(honest or self.router(request), cut=fault.cut)

    def _effect(self, request: Request, fault: Fault) -> Reply | None:
        """Run the handler as far as the fault allows before the client receives a response."""
        if fault.when == "before":
            return None
        if fault.when == "late":
            timer = threading.Timer(fault.late, self.router, (request,))
            timer.daemon = True
            self._late.append(timer)
            timer.start()
            return Reply.text("", 504)
        if fault.twice:
            self.router(request)
        return self.router(request)
