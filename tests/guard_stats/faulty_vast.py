"""A provider where 30 % of calls fail: no response, an error, a reset, or success without a response.

It serves many machines at once and records when a machine's order was first carried out, in boot-clock seconds.
"""

from __future__ import annotations

import json
import random
import re
import socket
import struct
import threading
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from ert_backend.base.clock import boot_seconds

FAULTS = ("silent", "done, silent", "429", "500", "502 page", "reset", "done, reset", "no", "cut")


@dataclass(slots=True)
class Fate:
    """The result of one machine: the order that was carried out first, its time, and the number of calls."""

    order: str = ""
    at: float = 0.0
    calls: int = 0


@dataclass
class FaultyVast:
    """`rate`: share of calls that fail; `silence`: real seconds for which it does not respond."""

    rate: float
    silence: float
    seed: int
    fates: dict[str, Fate] = field(default_factory=dict)
    faults: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> FaultyVast:
        outer = self
        self.random = random.Random(self.seed)
        self.over = threading.Event()

        class Handler(_Handler):
            vast = outer

        class Server(ThreadingHTTPServer):
            request_queue_size = 512
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                """Ignore the error: a guard may stop waiting."""

        self.server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.server.shutdown()
        self.server.server_close()

    def draw(self) -> str:
        with self.lock:
            kind = self.random.choice(FAULTS) if self.random.random() < self.rate else "fine"
            self.faults[kind] += 1
            return kind

    def order(self, machine: str, what: str, *, effect: bool) -> None:
        with self.lock:
            fate = self.fates.setdefault(machine, Fate())
            fate.calls += 1
            if effect and not fate.order:
                fate.order, fate.at = what, boot_seconds()


class _Handler(BaseHTTPRequestHandler):
    vast: FaultyVast

    def log_message(self, *_: object) -> None:
        """Log nothing."""

    def do_PUT(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"null")
        self._answer("stop" if body == {"state": "stopped"} else "nonsense")

    def do_GET(self) -> None:
        """Return the status: not an order, and with the same rate of faults."""
        kind, machine = self.vast.draw(), self.path.rpartition("?")[0].rstrip("/").rpartition("/")[2]
        self._say(200, json.dumps({"instances": {"id": int(machine)}}).encode()) if kind == "fine" else self._fail(kind)

    def do_DELETE(self) -> None:
        self._answer("destroy")

    def _answer(self, what: str) -> None:
        found = re.fullmatch(r"/api/v0/instances/(\d+)/", self.path)
        if found is None or self.headers.get("Authorization") != f"Bearer key-{found[1]}":
            self._say(401, b'{"success": false, "error": "auth_error"}')
            return
        kind = self.vast.draw()
        self.vast.order(found[1], what, effect=kind == "fine" or kind.startswith("done"))
        if kind == "fine":
            self._say(200, b'{"success": true}')
        else:
            self._fail(kind)

    def _fail(self, kind: str) -> None:
        if kind.endswith("silent"):
            self.vast.over.wait(self.vast.silence)
        elif kind.endswith("reset"):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        elif kind == "cut":
            self._say(200, b'{"succ', length=40)
        else:
            page = {"429": b'{"success": false}', "500": b"{}", "502 page": b"<html>Bad Gateway</html>"}
            self._say(int(kind[:3]) if kind in page else 200, page.get(kind, b'{"success": false}'))

    def _say(self, status: int, body: bytes, length: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)
