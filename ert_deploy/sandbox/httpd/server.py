"""Threaded HTTP server, with fault injection for every named operation.

Providers fail in ways that a web framework cannot reproduce: a response that is never sent although the operation took
effect, a reset, an HTML page instead of JSON. Here faults are part of the server, not of the handlers: the handler does
what the provider would do, and the fault decides what the client receives.
"""

from __future__ import annotations

import contextlib
import functools
import re
import socket
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from ert_deploy.sandbox.httpd.faults import Fault, Faults
from ert_deploy.sandbox.httpd.messages import Reply, Request

__all__ = ["Handler", "Middleware", "Reply", "Request", "Route", "Router", "Server", "not_found"]

MAX_BODY = 8 * 1024 * 1024
Now = Callable[[], float]
Handler = Callable[[Request], Reply]
Middleware = Callable[[Request, Handler], Reply]


@dataclass(frozen=True, slots=True)
class Route:
    """A route. `operation` is the name that faults refer to; `{name}` in the pattern matches one path segment."""

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
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", pattern.rstrip("/")) + "/?")


class Server:
    """Serves one router on a loopback port until `stop`; 0 picks a port. `now` is the clock for `Date` headers."""

    def __init__(self, router: Router, faults: Faults | None = None, port: int = 0, now: Now = time.time) -> None:
        self.router = router
        self.faults = faults or Faults()
        self._httpd = _Httpd(("127.0.0.1", port), self.answer, now)
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


class _Httpd(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], answer: Callable[[Request], Reply | None], now: Now) -> None:
        self.answer, self.now = answer, now
        self._open: set[socket.socket] = set()
        super().__init__(address, _Exchange)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Accept a connection and remember it for `cut`."""
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Close a connection."""
        self._open.discard(request)
        super().shutdown_request(request)

    def cut(self) -> None:
        """Close all open connections, so that a stopped server does not respond."""
        for connection in tuple(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore connection errors, because clients disconnect in fault tests; any other error is a handler's bug."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Exchange(BaseHTTPRequestHandler):
    """One connection: reads requests, passes them to the server and sends the replies."""

    protocol_version = "HTTP/1.1"
    server_version = "sandbox"
    disable_nagle_algorithm = True  # header and body are two writes; waiting for an ACK in between takes 40 ms
    sys_version = ""
    server: _Httpd

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Return the `Date` of a reply, by the clock of its server."""
        return super().date_time_string(self.server.now() if timestamp is None else timestamp)

    def respond(self) -> None:
        """Read the request and send the reply, for any method."""
        try:
            request = self._read()
        except ValueError:
            self.close_connection = True
            self._send(Reply.text("malformed request\n", 400))
            return
        reply = self.server.answer(request)
        if reply is None:
            self._reset()
        else:
            self._send(reply)

    def _read(self) -> Request:
        if not 0 <= (length := int(self.headers.get("Content-Length") or 0)) <= MAX_BODY:
            raise ValueError(length)
        parts = urlsplit(self.path)
        return Request(
            self.command,
            parts.path,
            parse_qs(parts.query, keep_blank_values=True),
            {k.title(): v for k, v in self.headers.items()},
            self.rfile.read(length) if length else b"",
            str(self.client_address[0]),
        )

    def _reset(self) -> None:
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        self.connection.close()

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.body is not None:
            self.send_header("Content-Type", reply.content_type)
        body = reply.body or b""
        if reply.status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else body[: reply.cut])
        if reply.cut is not None:
            self.wfile.flush()
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Discard the message: the daemon has its own log."""


for _method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"):
    setattr(_Exchange, f"do_{_method}", _Exchange.respond)
