"""The three API calls a machine makes about itself, with the faults of a provider. Reads are logged separately.

Independent of the sandbox's double, whose mistakes could coincide with those of the guard.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Call:
    """One call as received."""

    method: str
    path: str
    key: str
    body: Any


@dataclass
class FakeVast:
    """Returns the next of `answers` (the last one is repeated): a status and body, `hang`, or `redirect`."""

    answers: list[tuple[int, object] | str] = field(default_factory=lambda: [(200, {"success": True})])
    calls: list[Call] = field(default_factory=list)
    shown: tuple[int, object] | str = (200, {"instances": {"id": 4711, "actual_status": "running"}})
    reads: list[Call] = field(default_factory=list)
    host: str = "127.0.0.1"

    def __enter__(self) -> FakeVast:
        outer = self

        class Handler(_Handler):
            vast = outer

        self.release = threading.Event()
        self.server = ThreadingHTTPServer((self.host, 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://{self.host}:{self.server.server_address[1]}"
        return self

    def __exit__(self, *_: object) -> None:
        self.release.set()
        self.server.shutdown()
        self.server.server_close()


class _Handler(BaseHTTPRequestHandler):
    vast: FakeVast

    def log_message(self, *_: object) -> None:
        """Log nothing."""

    def do_PUT(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"null")
        self.vast.calls.append(Call(self.command, self.path, self.headers.get("Authorization", ""), body))
        self._answer(self.vast.answers.pop(0) if len(self.vast.answers) > 1 else self.vast.answers[0])

    def do_GET(self) -> None:
        self.vast.reads.append(Call(self.command, self.path, self.headers.get("Authorization", ""), None))
        self._answer(self.vast.shown)

    def _answer(self, answer: tuple[int, object] | str) -> None:
        if answer == "hang":
            self.vast.release.wait(20)
        elif answer == "redirect":
            self.send_response(307)
            self.send_header("Location", f"{self.vast.url}/elsewhere")
            self.end_headers()
        elif isinstance(answer, tuple):
            status, value = answer
            self.send_response(status)
            self.end_headers()
            self.wfile.write(value if isinstance(value, bytes) else json.dumps(value).encode())

    def do_DELETE(self) -> None:
        self.do_PUT()
