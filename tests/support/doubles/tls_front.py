"""TLS in front of a model server on loopback: a certificate, one accepted key, and faults; the rest is passed on."""

from __future__ import annotations

import http.client
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.support.certificates.ip_bound import Pair, pair, signed_by

AUTHORITY = pair(number=5)
LEAF = signed_by(AUTHORITY)
KEY = "sk-the-key-of-the-server"


class TlsFront:
    """Serves `url`. Without a `key` it takes any request; with `lists_freely`, its models need none.

    `status` is returned in place of every response, with a `Location` if it is a redirect. `keys` are those received.
    """

    def __init__(self, upstream: str, certificate: Pair = LEAF) -> None:
        self.upstream = upstream
        self.key = KEY
        self.lists_freely = False
        self.status = 0
        self.prefix = ""
        self.keys: list[str | None] = []
        self.paths: list[str] = []
        outer = self

        class Handler(_Handler):
            front = outer

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.socket = certificate.context().wrap_socket(
            self.server.socket, server_side=True, do_handshake_on_connect=False
        )
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.server.server_address[1]}{self.prefix}"

    def __enter__(self) -> TlsFront:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class _Handler(BaseHTTPRequestHandler):
    front: TlsFront

    def setup(self) -> None:
        super().setup()
        try:
            self.request.do_handshake()
        except (ssl.SSLError, OSError):
            self.close_connection = True

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except (ssl.SSLError, OSError):
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Log nothing."""

    def do_GET(self) -> None:
        self._pass_on()

    def do_POST(self) -> None:
        self._pass_on()

    def _pass_on(self) -> None:
        front, given = self.front, self.headers.get("Authorization")
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        front.keys.append(given)
        front.paths.append(self.path)
        free = not front.key or (front.lists_freely and self.path.endswith("/models"))
        if front.status:
            self._say(front.status, b'{"error": {"message": "no capacity left"}}')
        elif not free and given != f"Bearer {front.key}":
            self._say(401, b'{"error": {"message": "Incorrect API key provided"}}')
        elif not self.path.startswith(front.prefix + "/v1/"):
            self._say(404, b"not here")
        else:
            self._ask(self.path.removeprefix(front.prefix), body)

    def _ask(self, path: str, body: bytes) -> None:
        talk = http.client.HTTPConnection(self.front.upstream, timeout=60)
        try:
            talk.request(self.command, path, body or None, {"Content-Type": "application/json"})
            with talk.getresponse() as response:
                self.send_response(response.status)
                self.send_header("Content-Type", response.headers.get("Content-Type", "application/json"))
                self.send_header("Connection", "close")
                self.end_headers()
                while piece := response.read1(4096):
                    self.wfile.write(piece)
        finally:
            talk.close()

    def _say(self, status: int, body: bytes) -> None:
        self.send_response(status)
        if status in range(300, 400):
            self.send_header("Location", "https://elsewhere.example.org/v1/models")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
