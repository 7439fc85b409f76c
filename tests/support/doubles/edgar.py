"""A fake of the SEC's JSON API on loopback, written from its documentation: paths, formats and errors.

403 without a User-Agent that contains a mail address, 404 for unknown filings, 429 on demand, slow or cut responses.
"""

from __future__ import annotations

import contextlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class EdgarDouble:
    """The server. `paths` maps a path to a JSON value; `refusal`, `cut` or `trickle` break the next responses."""

    def __init__(self) -> None:
        self.paths: dict[str, Any] = {}
        self.asked: list[str] = []
        self.refusal: tuple[int, dict[str, str]] | None = None
        self.cut = self.trickle = False
        self.closing = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.double = self
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def list_company(self, cik: int, ticker: str, name: str, facts: dict[str, Any], industry: str = "Widgets") -> None:
        """Add a company and its filings to the list."""
        listed = self.paths.setdefault("/files/company_tickers.json", {})
        listed[str(len(listed))] = {"cik_str": cik, "ticker": ticker, "title": name}
        self.paths[f"/submissions/CIK{cik:010d}.json"] = {"cik": str(cik), "name": name, "sicDescription": industry}
        whole = {"cik": cik, "entityName": name, "facts": facts}
        self.paths[f"/api/xbrl/companyfacts/CIK{cik:010d}.json"] = whole

    def close(self) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    double: EdgarDouble

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore the error: a client that disconnects early is part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:
        return

    def do_GET(self) -> None:
        double = self.server.double
        double.asked.append(self.path)
        self.close_connection = True
        if "@" not in self.headers.get("User-Agent", ""):
            self._answer(403, b"Your Request Originates from an Undeclared Automated Tool", {})
        elif double.refusal is not None:
            self._answer(double.refusal[0], b"refused", double.refusal[1])
        elif self.path not in double.paths:
            self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>", {})
        else:
            self._answer(200, json.dumps(double.paths[self.path]).encode(), {})

    def _answer(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        double = self.server.double
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Connection": "close", **headers}.items():
            self.send_header(name, value)
        sent = content[: len(content) // 2] if double.cut else content
        # A truncated response that appears complete: the length is that of the bytes sent.
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        with contextlib.suppress(OSError):
            for at in range(0, len(sent), 1) if double.trickle else (0,):
                if double.trickle and double.closing.wait(0.02):
                    return
                self.wfile.write(sent[at : at + 1] if double.trickle else sent)
                self.wfile.flush()
