"""The web service of the Render tests: returns its environment, and can be set to be unhealthy, slow, or raw TCP."""

from __future__ import annotations

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class App(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        if self.path == "/socket":
            self.echo()
            return
        sick = self.path == "/health" and os.environ.get("SICK") == "1"
        files = {item.name: item.read_text() for item in Path().glob("*.txt")}
        shown = {"env": dict(os.environ), "pid": os.getpid(), "host": self.headers.get("Host"), "files": files}
        body = json.dumps(shown).encode()
        self.send_response(500 if sick else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def echo(self) -> None:
        """Send the received bytes back in upper case, like a WebSocket without its framing."""
        self.wfile.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n")
        while data := self.connection.recv(1024):
            self.connection.sendall(data.upper())
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing, so that the log tests see only their own lines."""


if os.environ.get("EXIT"):
    sys.stderr.write("cannot start: configuration is wrong\n")
    sys.exit(int(os.environ["EXIT"]))
sys.stderr.write(f"fingerprint {os.environ.get('FINGERPRINT', 'none')}\n")
ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), App).serve_forever()
