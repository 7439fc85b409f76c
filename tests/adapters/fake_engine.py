"""The few calls of Docker's Engine API that building and pushing make, with their faults (docs.docker.com, Engine API).

Answers come as the engine sends them: a stream of JSON lines under status 200, errors inside of it.
"""

from __future__ import annotations

import base64
import io
import json
import re
import tarfile
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

DIGEST = "sha256:" + "ab" * 32
Line = dict[str, Any]
BUILT: list[Line] = [
    {"stream": "Step 1/2 : FROM x"},
    {"stream": "\n"},
    {"stream": " ---> Running in 4711\u001b[0m\n"},
    {"stream": "Step 2/2 : USER 10001\n"},
    {"stream": "Successfully built 0123456789ab\n"},
]
PUSHED: list[Line] = [
    {"status": "The push refers to repository [r.example/x]"},
    {"status": "Pushing", "id": "a", "progressDetail": {"current": 10_000_000, "total": 100_000_000}},
    {"status": "Pushing", "id": "a", "progressDetail": {"current": 100_000_000, "total": 100_000_000}},
    {"status": f"0.1.0: digest: {DIGEST} size: 1234"},
    {"progressDetail": {}, "aux": {"Tag": "0.1.0", "Digest": DIGEST, "Size": 1234}},
]


@dataclass
class FakeEngine:
    """`images` holds the tags it has; `building` and `pushing` are the streams it answers with."""

    images: set[str] = field(default_factory=set)
    building: list[Line] = field(default_factory=lambda: list(BUILT))
    pushing: list[Line] = field(default_factory=lambda: list(PUSHED))
    built: list[tuple[dict[str, list[str]], list[str]]] = field(default_factory=list)
    pushed: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)

    def __enter__(self) -> FakeEngine:
        outer = self

        class Handler(_Handler):
            engine = outer

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    @property
    def host(self) -> str:
        return f"tcp://127.0.0.1:{self.server.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    engine: FakeEngine
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        if path.endswith("/version"):
            self._say(200, {"ApiVersion": "1.41", "Version": "20.10.24"})
        elif (found := re.fullmatch(r"/v[\d.]+/images/(.+)/json", path)) and found[1] in self.engine.images:
            self._say(200, {"Id": "sha256:" + "01" * 32, "Size": 3_300_000_000})
        else:
            self._say(404, {"message": f"No such image: {path}"})

    def do_POST(self) -> None:
        split = urlsplit(self.path)
        query = parse_qs(split.query)
        body = self._body()
        if split.path.endswith("/build"):
            with tarfile.open(fileobj=io.BytesIO(body)) as context:
                self.engine.built.append((query, context.getnames()))
            if not any("error" in line for line in self.engine.building):
                self.engine.images.add(query["t"][0])
            self._stream(self.engine.building)
        elif found := re.fullmatch(r"/v[\d.]+/images/(.+)/push", unquote(split.path)):
            login = json.loads(base64.urlsafe_b64decode(self.headers.get("X-Registry-Auth", "") or "e30="))
            self.engine.pushed.append((found[1], query["tag"][0], login))
            self._stream(self.engine.pushing)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline().strip() or b"0", 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _say(self, status: int, value: object) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, lines: list[Line]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for line in lines:
            chunk = json.dumps(line).encode() + b"\r\n"
            self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
        self.wfile.write(b"0\r\n\r\n")
