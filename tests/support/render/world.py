"""The sandbox's Render with one service, and a plain HTTP client; shared by the Render tests."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from ert_deploy.sandbox.render.models import Timeline
from ert_deploy.sandbox.render.server import RenderDouble
from ert_deploy.sandbox.runtime.clock import WorldClock

KEY = "rnd_for_tests_only"
QUICK = Timeline(build=80.0, boot=20.0)
SLOW = Timeline(build=80.0, boot=80.0, drain=300.0)
ENV = {"FINGERPRINT": "one", "KEEP": "kept"}


class World:
    """The server, its one service, and the requests of a client."""

    def __init__(self, double: RenderDouble, session: requests.Session, start: str | None = None) -> None:
        self.double, self.http = double, session
        details = {"envSpecificDetails": {"startCommand": start}} if start else None
        self.service = double.add_service("dashboard", ENV, details=details)
        self.app = double.app_url(self.service)

    def call(self, method: str, path: str, **more: Any) -> requests.Response:
        """Send one API request; `{s}` in the path is the service."""
        return self.http.request(method, self.double.url + path.replace("{s}", f"/services/{self.service}"), **more)

    def patiently(self, method: str, path: str, **more: Any) -> requests.Response:
        """Send one API request and repeat it while it is rate limited; a minute of the world passes quickly."""
        for _ in range(50):
            answer = self.call(method, path, **more)
            if answer.status_code != 429:
                break
            time.sleep(0.05)  # noqa: TID251 - a test waits for a minute of the world
        return answer

    def get(self, path: str, **params: Any) -> Any:
        """Return the JSON of a GET that must succeed."""
        answer = self.call("GET", path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def deploy(self, **body: Any) -> requests.Response:
        """Request a deploy."""
        return self.call("POST", "{s}/deploys", json=body)

    def put(self, key: str, value: str) -> None:
        """Write one variable."""
        assert self.call("PUT", f"{{s}}/env-vars/{key}", json={"value": value}).status_code == 200

    def status(self, deploy_id: str) -> str:
        """Return the current status of a deploy."""
        return str(self.get(f"{{s}}/deploys/{deploy_id}")["status"])

    def ended(self, deploy_id: str) -> str:
        """Return the final status of a deploy."""
        until(lambda: self.status(deploy_id) not in {*RUNNING, "queued"})
        return self.status(deploy_id)

    def seen(self) -> dict[str, Any]:
        """Return the output of the app on a fresh connection."""
        with requests.get(self.app, timeout=10) as answer:
            shown: dict[str, Any] = answer.json()
            return shown

    def fingerprint(self) -> str | None:
        """Return the configuration with which the responding process was started."""
        found: str | None = self.seen()["env"].get("FINGERPRINT")
        return found

    def events(self, kind: str) -> list[dict[str, Any]]:
        """Return the details of the events of one type, newest first."""
        rows = self.get("{s}/events", type=kind, limit=100, startTime="2020-01-01T00:00:00Z")
        return [row["event"]["details"] for row in rows]


RUNNING = frozenset({"created", "build_in_progress", "update_in_progress", "artifact_fetch_in_progress"})


def until(done: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait until a condition is true."""
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.02)  # noqa: TID251 - a test waits for a real process


@contextmanager
def running(
    speed: float = 200.0, folder: Path | None = None, start: str | None = None, **options: Any
) -> Iterator[World]:
    """Run a Render server during the block; its service has `start` as its own start command, if `command` is None."""
    app = str(Path(__file__).with_name("app.py"))
    options = {"timeline": QUICK, "command": lambda port: [sys.executable, app], **options}
    with tempfile.TemporaryDirectory() as spare:
        place = folder or Path(spare)
        double = RenderDouble(WorldClock(speed=speed), place, KEY, images=place, **options).start()
        try:
            with requests.Session() as session:
                session.headers["Authorization"] = f"Bearer {KEY}"
                yield World(double, session, start)
        finally:
            double.stop()
