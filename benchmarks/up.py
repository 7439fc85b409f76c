"""`up` on the sandbox with Vast's documented rate limits: calls, 429 responses, and time relative to the provider's.

The provider's time cannot be reduced: from the create to the first healthy response of the backend, and from the start
of the deploy to the new fingerprint in the app; both are observed by a separate thread. All times are provider seconds.
Local work (HTTP, TLS, the SDK's import) takes real time, which counts SPEED times as provider time: the lower the
speed, the more accurate the ratio. Exits with 1 on a single 429 or above the maximum ratio.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
import urllib3

from ert_deploy.app.deployment import open_deployment
from ert_deploy.core.model.events import Event
from ert_deploy.engine.apply import apply
from ert_deploy.engine.run import run
from ert_deploy.sandbox.runtime.clock import WorldClock
from ert_deploy.sandbox.world import daemon
from ert_deploy.sandbox.world.control_client import ask
from ert_deploy.sandbox.world.file import WorldFile

ROOT = Path(__file__).resolve().parents[1]
WORST = 1.05
LOOK = 0.05  # real seconds between two polls of the observer
OPERATIONS = (
    ("create", "PUT", r"/api/v0/asks/\d+/"),
    ("list", "GET", r"/api/v1/instances/"),
    ("show", "GET", r"/api/v0/instances/\d+/"),
    ("manage", "PUT", r"/api/v0/instances/\d+/"),
    ("destroy", "DELETE", r"/api/v0/instances/\d+/"),
    ("search", "POST", r"/api/v0/bundles/"),
    ("user", "GET", r"/api/v0/users/current/?"),
)


@dataclass
class Wire:
    """Counts every request of this process by operation, and the responses with 429."""

    vast_url: str
    render_url: str
    calls: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)

    def watch(self) -> None:
        """Start counting."""
        send = requests.Session.send

        def counted(session: requests.Session, request: requests.PreparedRequest, **how: Any) -> Any:
            response = send(session, request, **how)
            name = self._name(str(request.method), str(request.url))
            self.calls[name] += 1
            self.refused[name] += response.status_code == requests.codes.too_many_requests
            return response

        requests.Session.send = counted  # type: ignore[method-assign,assignment]

    def _name(self, method: str, url: str) -> str:
        if url.startswith(self.vast_url):
            path = url.removeprefix(self.vast_url).partition("?")[0]
            known = (name for name, how, form in OPERATIONS if how == method and re.fullmatch(form, path))
            return f"vast {next(known, f'{method} {path}')}"
        return f"render {method}" if url.startswith(self.render_url) else "app"


class Watcher(threading.Thread):
    """Records, without rate limits, the four times that define the provider's share, in provider seconds."""

    def __init__(self, world: WorldFile, clock: WorldClock) -> None:
        super().__init__(daemon=True)
        self.world, self.clock = world, clock
        self.over = threading.Event()
        self.at: dict[str, float] = {}
        self.session = requests.Session()

    def run(self) -> None:
        """Poll until stopped."""
        while not self.over.wait(LOOK):
            state = ask(self.world, "GET", "/state")
            now = self.clock.now()
            for row in state["machines"]:
                self.at.setdefault("created", float(row["start_date"]))
                if "healthy" not in self.at and _healthy(self.session, row):
                    self.at["healthy"] = now
            self._deploys(now)

    def _deploys(self, now: float) -> None:
        if "healthy" not in self.at or "shown" in self.at:
            return
        shown = _json(self.session, f"{self.world.app_url}/health").get("fingerprint")
        if shown:
            self.at["shown"] = now

    def path(self) -> float:
        """Return the seconds spent by the provider: the boot and the deploy."""
        return self.at["healthy"] - self.at["created"] + self.at["shown"] - self.at["deploy"]


def _healthy(session: requests.Session, row: Mapping[str, Any]) -> bool:
    ports = row.get("ports") or {}
    bindings = ports.get("8443/tcp")
    if not bindings:
        return False
    url = f"https://{str(row['public_ipaddr']).strip()}:{bindings[0]['HostPort']}/health"
    return _json(session, url).get("status") == "healthy"


def _json(session: requests.Session, url: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = session.get(url, timeout=2, verify=False).json()
    except (requests.RequestException, ValueError):
        return {}
    return found


@dataclass
class Moments:
    """An audience that records when the deploy began, and optionally logs every event with its time."""

    clock: WorldClock
    began: float
    loud: bool
    deploy: float = 0.0

    def tell(self, event: Event) -> None:
        """Record one event."""
        kind = type(event).__name__
        if kind == "DeploySeen" and not self.deploy:
            self.deploy = self.clock.now()
        if self.loud:
            print(f"{self.clock.now() - self.began:8.1f}  {kind} {str(event)[:110]}", file=sys.stderr)


def measure(speed: float, folder: Path, *, loud: bool) -> int:
    """Run one `up` from nothing; return the exit code."""
    os.chdir(folder)
    sample = (ROOT / "configs" / "sandbox.yaml").read_text()
    (folder / "bench.yaml").write_text(re.sub(r"speed: 20 ", f"speed: {speed:g} ", sample))
    world = daemon.start(folder / ".ert" / "sandbox", speed, model="toy")
    clock = WorldClock(world.speed, world.epoch_wall, world.epoch_world)
    moments = Moments(clock, clock.now(), loud)
    session = open_deployment("bench.yaml").session(moments, start_sandbox=True)
    session.ports.gpu.account()  # exclude the import of the SDK
    wire = Wire(world.vast_url, world.render_url)
    watcher = Watcher(world, clock)
    watcher.start()
    wire.watch()
    moments.began = began = clock.now()
    cpu = time.process_time()
    run(apply(session.desired), session.ports)
    total, cpu = clock.now() - began, time.process_time() - cpu
    watcher.over.wait(4 * LOOK)
    watcher.over.set()
    watcher.join()
    watcher.at["deploy"] = moments.deploy
    return report(total, cpu, speed, wire, watcher)


def report(total: float, cpu: float, speed: float, wire: Wire, watcher: Watcher) -> int:
    """Print the figures; return 1 when a limit is exceeded."""
    path, at = watcher.path(), watcher.at
    ratio, refused = total / path, sum(wire.refused.values())
    boot, deploy = at["healthy"] - at["created"], at["shown"] - at["deploy"]
    print(f"up                 {total:7.1f} s of world time at {speed:g}x ({cpu:.1f} s of CPU here)")
    print(f"provider's path    {path:7.1f} s: boot {boot:.1f}, deploy {deploy:.1f}")
    print(f"ratio              {ratio:7.3f}   (fails beyond {WORST})")
    print(f"answers with 429   {refused:7d}   (promised: 0)")
    for name, count in sorted(wire.calls.items()):
        print(f"  {name:<16} {count:5d}{'  429: ' + str(wire.refused[name]) if wire.refused[name] else ''}")
    return int(ratio > WORST or refused > 0)


def main() -> int:
    """Parse the arguments, run the benchmark and return the exit code."""
    parser = argparse.ArgumentParser(prog="benchmarks/up.py", description=__doc__)
    parser.add_argument("--speed", type=float, default=1.0, help="world seconds per real second")
    parser.add_argument("--loud", action="store_true", help="print every event with its time")
    given = parser.parse_args()
    urllib3.disable_warnings()
    with tempfile.TemporaryDirectory() as folder:
        try:
            return measure(given.speed, Path(folder), loud=given.loud)
        finally:
            os.chdir(ROOT)
            daemon.stop(Path(folder) / ".ert" / "sandbox")


if __name__ == "__main__":
    sys.exit(main())
