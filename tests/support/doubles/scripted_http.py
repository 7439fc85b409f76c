"""A loopback HTTP(S) server with scripted responses; it logs the requests it receives."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

RESET = b"\x01\x00\x00\x00\x00\x00\x00\x00"  # SO_LINGER on, zero seconds: close with a reset


@dataclass(frozen=True)
class Answer:
    """One response. `body` bytes are sent unchanged, None is no body at all, any other value is sent as JSON.

    `reset` closes the connection without a response; `cut` after that many bytes of the body; `trickle` sends one byte
    of the body in so many seconds, `endless` one of a header that does not end.
    """

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    kind: str = "application/json; charset=utf-8"
    reset: bool = False
    cut: int | None = None
    trickle: float = 0.0
    endless: float = 0.0
    pause: float = 0.0

    def data(self) -> bytes:
        if isinstance(self.body, bytes) or self.body is None:
            return self.body or b""
        return json.dumps(self.body).encode() + b"\n"


HTML = Answer(502, b"<html><h1>Bad gateway</h1></html>", kind="text/html")


@dataclass(frozen=True)
class Seen:
    """One request as received."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


Reaction = Answer | list[Answer] | Callable[[Seen], Answer]
Answers = Mapping[str, Reaction]


@dataclass
class Script:
    """Responses by `METHOD /path`: a list is used up one by one and its last one is repeated.

    Unknown paths get the response under `*`, or a 404.
    """

    answers: dict[str, Reaction]
    url: str = ""
    port: int = 0
    seen: list[Seen] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)

    def take(self, seen: Seen) -> Answer:
        self.seen.append(seen)
        unknown = self.answers.get("*", Answer(404, {"message": f"not found: {seen.path}"}))
        reaction = self.answers.get(f"{seen.method} {seen.path}", unknown)
        if isinstance(reaction, list):
            return reaction.pop(0) if len(reaction) > 1 else reaction[0]
        return reaction if isinstance(reaction, Answer) else reaction(seen)

    def asked(self, method: str = "") -> list[str]:
        """Return the requested paths, of one method or all."""
        return [s.path for s in self.seen if s.method == method or not method]


@contextmanager
def scripted(answers: Answers, tls: ssl.SSLContext | None = None) -> Iterator[Script]:
    """Run a server until the block ends."""
    script = Script({key: list(a) if isinstance(a, list) else a for key, a in answers.items()})
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"script": script}))
    if tls is not None:
        # The handshake runs in the thread of each connection: a client that stalls must not block the others.
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    script.port = server.server_address[1]
    script.url = f"{'https' if tls else 'http'}://127.0.0.1:{script.port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield script
    finally:
        script.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore the error: clients disconnect on purpose."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 20
    script: Script

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        headers = {name.title(): value for name, value in self.headers.items()}
        seen = Seen(self.command, parts.path, parse_qs(parts.query), headers, self.rfile.read(length))
        self.close_connection = True
        self._answer(self.script.take(seen))

    def do_POST(self) -> None:
        self.do_GET()

    def do_PUT(self) -> None:
        self.do_GET()

    def do_PATCH(self) -> None:
        self.do_GET()

    def do_DELETE(self) -> None:
        self.do_GET()

    def _answer(self, answer: Answer) -> None:
        self.script.closing.wait(answer.pause)
        if answer.reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            self.connection.close()
            return
        if answer.endless:
            self._send(b"HTTP/1.1 200 OK\r\nX-Endless: " + b"x" * 10_000, answer.endless)
            return
        data = answer.data()
        self.send_response(answer.status)
        fixed = {"Content-Length": str(len(data)), "Render-Request-Id": "api-test/1", "Connection": "close"}
        for name, value in {**fixed, **({"Content-Type": answer.kind} if data else {}), **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self._send(data[: answer.cut], answer.trickle)

    def _send(self, data: bytes, trickle: float) -> None:
        if not trickle:
            self.wfile.write(data)
            return
        for place in range(len(data)):
            self.wfile.write(data[place : place + 1])
            self.wfile.flush()
            if self.script.closing.wait(trickle):
                return

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing."""
