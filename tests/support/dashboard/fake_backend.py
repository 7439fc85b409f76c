"""A small LLM backend on loopback: HTTPS with its own certificate, queued reports, resumable events.

It writes reports from the request at once or on demand, stores every request, and can be set to be asleep, outdated,
restarted without its reports, slow or disconnected.
"""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.certificates.self_signed import certificate, server_context
from tests.support.dashboard.fake_report import SECTIONS, Report

KEY = "ert-Zk3_9aQx7LmN0pRsT2uVwXyZ-4bC5dEf"


@dataclass
class Seen:
    """One request as received."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any


class FakeBackend:
    """The server. Set its attributes before sending requests; `close()` ends its threads."""

    def __init__(self, ip: str = "127.0.0.1") -> None:
        self.pem, self._key_pem = certificate(ip)
        self.key = self.next_key = KEY
        self.seen: list[Seen] = []
        self.connections = 0
        self.reports: dict[str, Report] = {}
        self.deleted: list[str] = []
        self.text = "Revenue grew."
        self.held = False
        self.loading: dict[str, Any] | None = None
        self.has_reports = True
        self.has_events = True
        self.refusal: tuple[int, dict[str, Any]] | None = None
        self.cut_after: list[int] = []
        self.trickle = False
        self.texts: dict[str, str] = {}
        self.metadata: dict[str, Any] = {}
        self.status: dict[str, Any] | None = None
        self.closing = threading.Event()
        self.arrived = threading.Event()
        self._server = _Server(self)
        self.url = f"https://127.0.0.1:{self._server.server_address[1]}"
        self._serve()

    def _serve(self) -> None:
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def sleep(self) -> None:
        """Stop listening at the address; the reports are retained."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def wake(self) -> None:
        """Listen at the same address again."""
        self._server = _Server(self, self._server.server_address[1])
        self._serve()

    def close(self) -> None:
        self.closing.set()
        for report in self.reports.values():
            with report.changed:
                report.changed.notify_all()
        self.sleep()

    def tls(self) -> ssl.SSLContext:
        return server_context(self.pem, self._key_pem)

    def only(self) -> Report:
        """Return the single requested report."""
        (report,) = self.reports.values()
        return report

    def posts(self) -> list[Seen]:
        return [seen for seen in self.seen if seen.method == "POST"]


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    backend: FakeBackend

    def __init__(self, backend: FakeBackend, port: int = 0) -> None:
        self.backend = backend
        super().__init__(("127.0.0.1", port), _Handler)
        self._context = backend.tls()

    def get_request(self) -> tuple[socket.socket, Any]:
        raw, address = super().get_request()
        self.backend.connections += 1
        raw.settimeout(20)
        return self._context.wrap_socket(raw, server_side=True, do_handshake_on_connect=False), address

    def shutdown_request(self, request: Any) -> None:
        with contextlib.suppress(OSError):
            socket.socket.shutdown(request, socket.SHUT_RDWR)
        request.close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore the error: a client that disconnects early is part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = (
        True  # else the body waits for the acknowledgement of the head, 40 ms, as with no real server
    )
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.backend = self.server.backend

    def log_message(self, format: str, *args: Any) -> None:
        return

    def _body(self) -> Any:
        length = int(self.headers.get("Content-Length") or 0)
        return json.loads(self.rfile.read(length)) if length else None

    def _answer(self, status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _route(self, method: str) -> None:
        body = self._body()
        self.backend.seen.append(Seen(method, self.path, dict(self.headers), body))
        if self.path == "/health":
            self._health()
        elif self.headers.get("Authorization", "").removeprefix("Bearer ") not in (
            self.backend.key,
            self.backend.next_key,
        ):
            self._answer(401, {"detail": "Invalid API key"})
        elif self.backend.refusal is not None:
            self._answer(*self.backend.refusal)
        elif self.path == "/status" and self.backend.status is not None:
            self._answer(200, self.backend.status)
        elif method == "POST":
            self._post(body)
        else:
            self._one(method)

    def do_GET(self) -> None:
        self._route("GET")

    def do_POST(self) -> None:
        self._route("POST")

    def do_DELETE(self) -> None:
        self._route("DELETE")

    def _health(self) -> None:
        loading = self.backend.loading
        body = {"status": "loading" if loading else "healthy", "model": "gpt-oss:20b", "ollama_status": "online"}
        self._answer(503 if loading else 200, {**body, **({"progress": loading} if loading else {})})

    def _post(self, body: dict[str, Any]) -> None:
        backend = self.backend
        if backend.loading:
            self._answer(503, {"detail": "The model is not ready yet"}, {"Retry-After": "0"})
        elif self.path == "/generate_report":
            while backend.held and not backend.closing.wait(0.02):
                pass
            self._answer(
                200, Report("legacy", {**body, "sections": body["sections"] or SECTIONS}, backend.text).result()
            )
        elif self.path == "/reports" and backend.has_reports:
            self._answer(202, self._taken(body))
        else:
            self._answer(404, {"detail": "Not Found"})

    def _taken(self, body: dict[str, Any]) -> dict[str, Any]:
        """Return the response that is sent before a new report is written."""
        backend = self.backend
        known = backend.reports.get(body["id"])
        if known is not None:
            return known.snapshot()
        request = {**body, "sections": body["sections"] or SECTIONS}
        report = Report(body["id"], request, backend.text, texts=backend.texts, metadata=backend.metadata)
        backend.reports[body["id"]] = report
        report.tell("queued", {"position": 1})
        backend.arrived.set()
        answer = report.snapshot()
        if not backend.held:
            report.write(len(request["sections"]))
            report.finish()
        return answer

    def _one(self, method: str) -> None:
        parts = self.path.strip("/").split("/")
        report = self.backend.reports.get(parts[1]) if len(parts) > 1 else None
        if report is None or (len(parts) == 3 and not self.backend.has_events):
            self._answer(404, {"detail": "No such report"})
        elif method == "DELETE":
            self.backend.deleted.append(report.report_id)
            report.tell("cancelled", {}, "cancelled")
            self._answer(200, report.snapshot())
        elif len(parts) == 3:
            self._stream(report)
        else:
            self._answer(200, report.snapshot())

    def _stream(self, report: Report) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        sent = int(self.headers.get("Last-Event-ID") or 0)
        left = self.backend.cut_after.pop(0) if self.backend.cut_after else None
        while not self.backend.closing.is_set():
            with report.changed:
                if len(report.events) <= sent:
                    report.changed.wait(0.05)
                fresh = report.events[sent:]
            if self.backend.trickle:
                self._chunk(":\n")
            for name, data in fresh:
                if left == 0:
                    self.close_connection = True
                    return
                sent += 1
                left = None if left is None else left - 1
                self._chunk(f"id: {sent}\nevent: {name}\ndata: {json.dumps(data)}\n\n")
            if report.status in ("done", "failed", "cancelled") and sent == len(report.events):
                self.wfile.write(b"0\r\n\r\n")
                return
        self.close_connection = True

    def _chunk(self, text: str) -> None:
        content = text.encode()
        self.wfile.write(f"{len(content):x}\r\n".encode() + content + b"\r\n")
        self.wfile.flush()
