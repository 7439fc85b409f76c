"""HTTP exchange: the listening socket, and whole requests and replies on its connections."""

from __future__ import annotations

import contextlib
import socket
import sys
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ert_deploy.sandbox.httpd.messages import Reply, Request

MAX_BODY = 8 * 1024 * 1024
Now = Callable[[], float]


class Listener(ThreadingHTTPServer):
    """Accepts connections; `answer` gives the reply to each request, or None to reset the connection."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self,
        address: tuple[str, int],
        answer: Callable[[Request], Reply | None],
        now: Now,
        max_body: int = MAX_BODY,
    ) -> None:
        self.answer, self.now, self.max_body = answer, now, max_body
        self._open: set[socket.socket] = set()
        super().__init__(address, Exchange)

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


class Exchange(BaseHTTPRequestHandler):
    """One connection: reads requests, passes them to the server and sends the replies."""

    protocol_version = "HTTP/1.1"
    server_version = "sandbox"
    disable_nagle_algorithm = True  # header and body are two writes; waiting for an ACK in between takes 40 ms
    sys_version = ""
    server: Listener

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
        parts = urlsplit(self.path)
        return Request(
            self.command,
            parts.path,
            parse_qs(parts.query, keep_blank_values=True),
            {k.title(): v for k, v in self.headers.items()},
            self._body(),
            str(self.client_address[0]),
        )

    def _body(self) -> bytes:
        """Return the complete body, chunked or not. Raises `ValueError` for one that is malformed or too long."""
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return b"".join(self._chunks())
        return self._part(self.headers.get("Content-Length") or "0", 10)

    def _chunks(self) -> Iterator[bytes]:
        total = 0
        while part := self._part(self.rfile.readline(80).decode("ascii").partition(";")[0], 16):
            self.rfile.readline(2)
            total += len(part)
            if total > self.server.max_body:
                raise ValueError(total)
            yield part
        self.rfile.readline(2)

    def _part(self, length: str, base: int) -> bytes:
        if not 0 <= (count := int(length.strip(), base)) <= self.server.max_body:
            raise ValueError(count)
        return self.rfile.read(count) if count else b""

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

    def __getattr__(self, name: str) -> Any:
        """Return the handler of any method, which the base class looks up as `do_METHOD`; it would reply with a 501."""
        if name.startswith("do_"):
            return self.respond
        raise AttributeError(name)

    def log_message(self, format: str, *args: Any) -> None:
        """Discard the message: the daemon has its own log."""
