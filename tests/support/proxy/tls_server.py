"""A server of `/v1` over TLS as a process, which notes what it is sent and how much at once. Standard library only.

It reads certificate, key and seconds of a request as one line of JSON, and serves until its standard input is closed.
"""

from __future__ import annotations

import json
import os
import select
import ssl
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

TOLD = "/told"


class Counts:
    """What the server was sent. `bytes` are all after a handshake, but for those of `/told`."""

    def __init__(self, service_s: float) -> None:
        self.service_s = service_s
        self.lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        self.busy = self.peak = self.done = self.bytes = self.connections = 0
        self.keys: list[str] = []
        self.paths: list[str] = []
        self.go = threading.Event()


class Counted(ssl.SSLSocket):
    """A connection that counts what it is sent."""

    counts: Counts
    received = 0

    def recv_into(self, *args: Any, **options: Any) -> int:
        found = super().recv_into(*args, **options)
        self.received += found
        self.counts.bytes += found
        return found


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    counts: Counts
    connection: Counted

    def log_message(self, format: str, *args: Any) -> None:
        return

    def _answer(self, body: dict[str, Any]) -> None:
        content = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _seen(self) -> None:
        """Note a request, but for those of the test itself."""
        with self.counts.lock:
            self.counts.paths.append(self.path)
            if self.command == "POST":
                self.counts.keys.append(str(self.headers.get("Authorization")))

    def parse_request(self) -> bool:
        """Take the bytes of a request of the test itself out of the count."""
        known = super().parse_request()
        if known and self.path == TOLD:
            self.counts.bytes -= self.connection.received
        return known

    def do_GET(self) -> None:
        if self.path == TOLD:
            names = ("busy", "peak", "done", "bytes", "connections", "keys", "paths")
            return self._answer({name: getattr(self.counts, name) for name in names})
        self._seen()
        return self._answer({"status": "healthy"})

    def do_DELETE(self) -> None:
        self.counts.reset()
        self._answer({})

    def do_PUT(self) -> None:
        self.counts.go.set()
        self._answer({})

    def do_POST(self) -> None:
        counts = self.counts
        self._seen()
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._change(+1)
        if self.path == "/v1/stream":
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(b"data: first\n\n")
            self._wait(20)
            self._change(-1)
            self.wfile.write(b"data: second\n\n")
            self.close_connection = True
        else:
            threading.Event().wait(counts.service_s)
            self._change(-1)  # before the response, after which the next request may follow at once
            self._answer({"process": os.getpid()})

    def _wait(self, seconds: float) -> None:
        """Wait until the stream may go on, or the client has gone."""
        for _ in range(int(seconds / 0.02)):
            if self.counts.go.wait(0.02) or select.select([self.connection], [], [], 0)[0]:
                return

    def _change(self, by: int) -> None:
        """Count a request that begins, or that ends."""
        counts = self.counts
        with counts.lock:
            counts.busy += by
            counts.peak = max(counts.peak, counts.busy)
            counts.done += by < 0


class Server(ThreadingHTTPServer):
    request_queue_size = 64
    context: ssl.SSLContext
    counts: Counts

    def get_request(self) -> tuple[Any, Any]:
        raw, address = super().get_request()
        self.counts.connections += 1
        raw.settimeout(20)
        return self.context.wrap_socket(raw, server_side=True, do_handshake_on_connect=False), address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore the error: a client that does not trust the certificate is part of the tests."""


def main() -> None:
    given = json.loads(sys.stdin.readline())
    server = Server(("127.0.0.1", 0), Handler)
    server.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.context.sslsocket_class = Counted
    with tempfile.TemporaryDirectory() as folder:
        chain = Path(folder) / "chain.pem"
        chain.write_text(given["key"] + given["pem"])
        server.context.load_cert_chain(chain)
    server.counts = Handler.counts = Counted.counts = Counts(given["service_s"])
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)  # noqa: T201 the test reads it
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
