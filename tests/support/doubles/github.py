"""GitHub's API on loopback, as far as it starts workflows: one repository, one workflow, one token, and its runs.

Source: GitHub REST API, version 2022-11-28: `POST .../dispatches` returns 204 without a body, `GET .../runs` lists the
newest first, 401 for a bad token, 403 without the permission, 404 for what the token does not reach, and 422 for a
branch, an input or a trigger that the workflow does not have.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "github_pat_11ABCDEFG0aBcDeFgHiJkL_0123456789abcdefABCDEF"
REPOSITORY, FILE, REF = "me/my-repo", "deploy.yml", "main"
INPUTS = ("command", "config")
EPOCH = 1_800_000_000.0


@dataclass
class Run:
    """One run of the workflow."""

    id: int
    begun: float
    inputs: Mapping[str, str] = field(default_factory=dict)
    status: str = "queued"
    conclusion: str | None = None
    changed: float = 0.0

    def __post_init__(self) -> None:
        self.changed = self.changed or self.begun


@dataclass
class GitHub:
    """The server. `started` is called with each new run, `now` is its clock.

    `answers` are given instead of the next responses, each with a status, a body and headers.
    """

    started: Callable[[Run], None] = lambda _: None
    runs: list[Run] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    answers: list[tuple[int, Any, Mapping[str, str]]] = field(default_factory=list)
    permitted: bool = True
    now: float = EPOCH
    hides: int = 0  # of the newest runs, as for some seconds after a start

    def __post_init__(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (_Handler,), {"github": self}))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def environ(self) -> dict[str, str]:
        place = f"{REPOSITORY}/{FILE}@{REF}"
        return {"ERT_WAKE_WORKFLOW": place, "ERT_WAKE_TOKEN": TOKEN, "ERT_WAKE_API": self.url}

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def end(self, run: Run, conclusion: str = "success") -> None:
        """End a run now."""
        run.status, run.conclusion, run.changed = "completed", conclusion, self.now

    def dispatch(self, body: Any) -> tuple[int, Any]:
        """Start a run as `POST .../dispatches` does."""
        if body.get("ref") != REF:
            return 422, {"message": f"No ref found for: {body.get('ref')}"}
        if odd := [name for name in body.get("inputs", {}) if name not in INPUTS]:
            return 422, {"message": f"Unexpected inputs provided: {odd}"}
        run = Run(len(self.runs) + 1, self.now, body["inputs"])
        self.runs.append(run)
        self.started(run)
        return 204, None

    def listed(self) -> dict[str, Any]:
        """Return the body of `GET .../runs`."""
        shown = list(reversed(self.runs))[self.hides :]
        rows = [
            {
                "id": run.id,
                "status": run.status,
                "conclusion": run.conclusion,
                "created_at": _iso(run.begun),
                "updated_at": _iso(run.changed),
                "html_url": f"https://github.example/{REPOSITORY}/actions/runs/{run.id}",
            }
            for run in shown
        ]
        return {"total_count": len(rows), "workflow_runs": rows}


class _Handler(BaseHTTPRequestHandler):
    github: GitHub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        return

    def do_GET(self) -> None:
        self._route("GET")

    def do_POST(self) -> None:
        self._route("POST")

    def date_time_string(self, timestamp: float | None = None) -> str:
        return format_datetime(datetime.fromtimestamp(self.github.now, UTC), usegmt=True)

    def _route(self, method: str) -> None:
        github, path = self.github, urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        place = f"/repos/{REPOSITORY}/actions/workflows/{FILE}"
        github.asked.append(f"{method} {path.path.rsplit('/', 1)[-1]}")
        if github.answers:
            self._say(*github.answers.pop(0))
        elif self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self._say(401, {"message": "Bad credentials"})
        elif path.path not in (f"{place}/runs", f"{place}/dispatches"):
            self._say(404, {"message": "Not Found"})
        elif method == "GET":
            assert parse_qs(path.query)["event"] == ["workflow_dispatch"]
            self._say(200, github.listed())
        elif not github.permitted:
            self._say(403, {"message": "Resource not accessible by personal access token"})
        else:
            self._say(*github.dispatch(json.loads(body)))

    def _say(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        content = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
