"""A loopback server that acts as GitHub's OIDC token endpoint for jobs."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer

TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJzdHMuYW1hem9uYXdzLmNvbSJ9.c2lnbmF0dXJl"
BEARER = "request-token-of-the-job"


@dataclass
class Issuer:
    """The configured response and the requests received."""

    status: int = 200
    body: bytes = json.dumps({"count": 1, "value": TOKEN}).encode()
    location: str = ""
    asked: list[tuple[str, str]] = field(default_factory=list)
    url: str = ""


@contextmanager
def issuing() -> Iterator[Issuer]:
    """Run the token endpoint on a free port until the block ends."""
    told = Issuer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told.asked.append((self.path, self.headers.get("Authorization", "")))
            self.send_response(told.status)
            if told.location:
                self.send_header("Location", told.location)
            self.send_header("Content-Length", str(len(told.body)))
            self.end_headers()
            self.wfile.write(told.body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        told.url = f"http://127.0.0.1:{server.server_port}/idtoken/abc?api-version=2.0"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield told
        server.shutdown()
        thread.join()


def environ(url: str) -> dict[str, str]:
    """Return the environment that GitHub sets for a job with `id-token: write`."""
    return {"PATH": os.environ["PATH"], "ACTIONS_ID_TOKEN_REQUEST_TOKEN": BEARER, "ACTIONS_ID_TOKEN_REQUEST_URL": url}
