"""Fault proxy: loopback HTTP proxy that injects network and provider faults, by route or by request number.

It is independent of the server and of the protocol above HTTP. `KINDS` describes the response to the client and whether
the request is forwarded; the "after" faults are the dangerous ones, because the client cannot detect that.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import select
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

KINDS = {
    "timeout-before": "never forwarded, never answered: the client has to give up",
    "timeout-after": "forwarded, and the answer is swallowed",
    "429": "refused, without saying for how long",
    "429-told": "refused with Retry-After: 1",
    "5xx-before": "502 with a page, not forwarded",
    "5xx-after": "502 with a page, although it was carried out",
    "truncated": "carried out; the body ends in the middle, and the connection with it",
    "html": "carried out; 200 with a page where JSON belongs",
    "empty": "carried out; 200 with {}",
    "trickle": "carried out; the answer comes in drops",
    "duplicate": "delivered twice, the second answer is shown",
    "duplicate-first": "delivered twice, the first answer is shown",
    "reset-before": "the connection is reset, nothing was forwarded",
    "reset-after": "the connection is reset after it was carried out",
    "kill-before": "the process that asks is killed, nothing was forwarded",
    "kill-after": "the process that asks is killed after it was carried out",
}
HOP = {"connection", "keep-alive", "transfer-encoding", "host", "content-length"}
PAGE = b"<html><body><h1>502 Bad Gateway</h1></body></html>"
DROPS, DROP_SECONDS = 8, 0.05
AGAIN_SECONDS = 0.05  # 25 s of the provider's clock, which is accelerated by 500
RESET = b"\x01\x00\x00\x00\x00\x00\x00\x00"  # SO_LINGER on, zero seconds: close with a reset


@dataclass(slots=True)
class Fault:
    """Inject `kind` into `count` requests whose "METHOD /path" matches `route`, after the first `skip` of them."""

    kind: str
    route: str = ""
    skip: int = 0
    count: int = 1

    def due(self, line: str) -> bool:
        """Whether the fault applies to this request. Updates `skip` and `count`."""
        if not self.count or not re.search(self.route, line):
            return False
        if self.skip:
            self.skip -= 1
            return False
        self.count -= 1
        return True


@dataclass(frozen=True, slots=True)
class Answer:
    """Response of the server."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


@dataclass
class FaultProxy:
    """Proxy for `upstream` (a base URL), running from `start` to `stop`. `victims`: processes that may get SIGKILL."""

    upstream: str
    victims: Callable[[], set[int]] = set
    faults: list[Fault] = field(default_factory=list)
    seen: list[tuple[str, str]] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Exchange)
        self._server.proxy = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        """Return the base URL of the proxy, with the path of the upstream."""
        return f"http://127.0.0.1:{self._server.server_address[1]}{urlsplit(self.upstream).path}"

    def add(self, kind: str, route: str = "", skip: int = 0, count: int = 1) -> None:
        """Add one fault."""
        assert kind in KINDS, kind
        with self._lock:
            self.faults.append(Fault(kind, route, skip, count))

    def calm(self) -> None:
        """Remove all faults."""
        with self._lock:
            self.faults.clear()

    def struck(self) -> list[str]:
        """Return the injected faults in order."""
        return [kind for _, kind in self.seen if kind]

    def take(self, line: str) -> str:
        """Return the fault for this request, or an empty string."""
        with self._lock:
            kind = next((fault.kind for fault in self.faults if fault.due(line)), "")
            self.seen.append((line, kind))
            return kind

    def start(self) -> FaultProxy:
        """Start serving. Return `self`."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Unblock all waiting requests and close the port."""
        self.closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def forward(self, method: str, target: str, headers: list[tuple[str, str]], body: bytes) -> Answer:
        """Send the request to the upstream server on a new connection."""
        place = urlsplit(self.upstream)
        connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=30)
        try:
            connection.putrequest(method, target, skip_accept_encoding=True)
            for name, value in headers:
                connection.putheader(name, value)
            connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            return Answer(answer.status, _passed_on(answer.getheaders()), answer.read())
        finally:
            connection.close()


@contextmanager
def in_front_of(upstream: str, victims: Callable[[], set[int]] = set) -> Iterator[FaultProxy]:
    """Start a proxy for `upstream`; stop it on exit."""
    proxy = FaultProxy(upstream, victims).start()
    try:
        yield proxy
    finally:
        proxy.stop()


def _passed_on(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in headers if name.lower() not in HOP]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    proxy: FaultProxy

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that close the connection."""


class _Exchange(BaseHTTPRequestHandler):
    """Handler of one client connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def relay(self) -> None:
        """Handle one request of any method."""
        length = int(self.headers.get("Content-Length") or 0)
        self._body = self.rfile.read(length) if length else b""
        kind = self.server.proxy.take(f"{self.command} {self.path}")
        how = HOW.get(kind)
        if how is None:
            self._send(self._forward())
            return
        self.close_connection = True
        how(self)

    def _forward(self) -> Answer:
        headers = _passed_on(list(self.headers.items()))  # `Host` is set to the upstream
        return self.server.proxy.forward(self.command, self.path, headers, self._body)

    def _send(self, answer: Answer, cut: int | None = None) -> None:
        self.send_response_only(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        if answer.status != 204 and answer.status != 304:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body[:cut])

    def silence(self) -> None:
        """Block until the client closes the connection."""
        while not self.server.proxy.closing.is_set():
            ready, _, _ = select.select([self.connection], [], [], 0.05)
            if ready and not self.connection.recv(1, socket.MSG_PEEK):
                return

    def silence_after(self) -> None:
        """Forward the request and send no response."""
        self._forward()
        self.silence()

    def refuse(self, *headers: tuple[str, str]) -> None:
        """Return 429."""
        self._send(Answer(429, [("Content-Type", "application/json"), *headers], b'{"detail": "too many requests"}'))

    def refuse_for(self) -> None:
        """Return 429 and Retry-After."""
        self.refuse(("Retry-After", "1"))

    def page(self, status: int = 502) -> None:
        """Return an HTML page, like a gateway."""
        self._send(Answer(status, [("Content-Type", "text/html")], PAGE))

    def page_after(self) -> None:
        """Forward the request and return an HTML page."""
        self._forward()
        self.page()

    def truncated(self) -> None:
        """Send the first part of the body with the full Content-Length."""
        answer = self._forward()
        self._send(answer, len(answer.body) // 2)

    def html(self) -> None:
        """Forward the request and return 200 with HTML instead of JSON."""
        self._forward()
        self.page(200)

    def empty(self) -> None:
        """Forward the request and return an empty JSON object."""
        self._forward()
        self._send(Answer(200, [("Content-Type", "application/json")], b"{}"))

    def trickle(self) -> None:
        """Send the response in small chunks with delays."""
        answer = self._forward()
        self._send(answer, 0)
        size = max(1, len(answer.body) // DROPS)
        for at in range(0, len(answer.body), size):
            self.server.proxy.closing.wait(DROP_SECONDS)
            self.wfile.write(answer.body[at : at + size])

    def duplicate(self) -> None:
        """Forward the request twice and send the second response."""
        self._forward()
        self._send(self._again())

    def duplicate_first(self) -> None:
        """Forward the request twice and send the first response."""
        answer = self._forward()
        self._again()
        self._send(answer)

    def _again(self) -> Answer:
        """Forward the request again, after the interval of the provider's rate limit."""
        self.server.proxy.closing.wait(AGAIN_SECONDS)
        return self._forward()

    def reset(self) -> None:
        """Reset the connection."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.connection.close()

    def reset_after(self) -> None:
        """Forward the request and reset the connection."""
        self._forward()
        self.reset()

    def kill(self) -> None:
        """Send SIGKILL to the process of the client. Raises `AssertionError` if it is not in `victims`."""
        owner = owner_of(self.client_address[1], self.server.proxy.victims())
        assert owner is not None, "nobody of ours holds the other end"
        os.kill(owner, signal.SIGKILL)

    def kill_after(self) -> None:
        """Forward the request and send SIGKILL to the process of the client."""
        self._forward()
        self.kill()

    def log_message(self, format: str, *args: Any) -> None:
        """Disable the log."""


HOW: dict[str, Callable[[_Exchange], None]] = {
    "timeout-before": _Exchange.silence,
    "timeout-after": _Exchange.silence_after,
    "429": _Exchange.refuse,
    "429-told": _Exchange.refuse_for,
    "5xx-before": _Exchange.page,
    "5xx-after": _Exchange.page_after,
    "truncated": _Exchange.truncated,
    "html": _Exchange.html,
    "empty": _Exchange.empty,
    "trickle": _Exchange.trickle,
    "duplicate": _Exchange.duplicate,
    "duplicate-first": _Exchange.duplicate_first,
    "reset-before": _Exchange.reset,
    "reset-after": _Exchange.reset_after,
    "kill-before": _Exchange.kill,
    "kill-after": _Exchange.kill_after,
}
for _method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
    setattr(_Exchange, f"do_{_method}", _Exchange.relay)


def owner_of(port: int, pids: set[int]) -> int | None:
    """Return the process among `pids` that owns the loopback connection from `port`, or None."""
    rows = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    inodes = {row[9] for row in rows if row[1] == f"0100007F:{port:04X}"}
    for pid in pids:
        with contextlib.suppress(OSError):
            for handle in Path(f"/proc/{pid}/fd").iterdir():
                with contextlib.suppress(OSError):
                    if str(handle.readlink()) in {f"socket:[{inode}]" for inode in inodes}:
                        return pid
    return None
