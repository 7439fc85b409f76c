"""Wake benchmark: where the time goes between `running` at the GPU cloud and the prompt that the model gets, by stage.

Everything runs on a sandbox in real time: agent, dashboard, and on the machine the guard, the backend and the model
server. Times are taken by polling from outside. The load of the model is the engine's and is subtracted; so is the time
that the model takes for the prompt, which begins where this ends. Exits with 1 if what is left exceeds the limit.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import requests
import urllib3

from benchmarks.markdown import printed
from ert_deploy.sandbox.runtime.clock import WorldClock
from ert_deploy.sandbox.world.control_client import ask as control
from tests.e2e.conftest import Place, run_sandbox
from tests.support.agent.delivery import KEY, agent, ask, logged_in, shown
from tests.support.agent.pids import guards

MOST = 30.0  # real seconds that are ours
LOOK = 0.02  # real seconds between two polls of a stage
LONG = 240.0  # real seconds for any stage
# Each stage ends with a moment that the next one begins with.
STAGES = {
    "running": "",
    "listening": "guard and backend begin",
    "loading": "the backend finds the model server",
    "loaded": "the model is loaded (not ours)",
    "healthy": "smoke test",
    "ready": "the agent sees and proves it",
    "accepted": "the app learns the address and hands the report over",
    "prompt": "the first section is prepared",
}
THEIRS = "loaded"


@dataclass
class Moments:
    """The end of each stage, in seconds of a clock that cannot be set."""

    place: Place
    at: dict[str, float] = field(default_factory=dict)
    clock: WorldClock = field(default_factory=WorldClock)

    def wait(self, name: str, reached: Callable[[], Any]) -> None:
        """Poll until a stage is over, and note when. Raises RuntimeError after `LONG`."""
        gate = threading.Event()
        for _ in range(int(LONG / LOOK)):
            if reached():
                self.at[name] = self.clock.now()
                return
            gate.wait(LOOK)
        raise RuntimeError(f"{name} was not reached in {LONG:.0f} s")

    def lengths(self) -> dict[str, float]:
        """Return the seconds of each stage, by the name of its end."""
        return {name: self.at[name] - self.at[before] for before, name in pairwise(STAGES)}


class Machine:
    """What can be asked from outside of the one machine and of what runs on it."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._session = requests.Session()
        self._engine = ""

    def row(self) -> dict[str, Any]:
        """Return it as the provider shows it."""
        (found,) = control(self._place.world, "GET", "/state")["machines"]
        return dict(found)

    def running(self) -> bool:
        """Whether the provider says so, and its container has begun."""
        return self.row()["actual_status"] == "running" and bool(guards(self._place))

    def health(self) -> Mapping[str, Any]:
        """Return the backend's own report; empty if it does not listen yet."""
        row = self.row()
        bindings = (row.get("ports") or {}).get("8443/tcp")
        if not bindings:
            return {}
        return _json(self._session, f"https://{str(row['public_ipaddr']).strip()}:{bindings[0]['HostPort']}/health")

    def loading(self) -> bool:
        """Whether the backend has asked its model server to load, by its own report."""
        return (self.health().get("progress") or {}).get("phase") == "loading"

    def loaded(self) -> bool:
        """Whether the model server has a model in its memory, by its own list."""
        if not self._engine:
            (pid,) = guards(self._place).values()
            words = Path(f"/proc/{pid}/environ").read_text().split("\0")
            self._engine = next(one.partition("=")[2] for one in words if one.startswith("OLLAMA_HOST="))
        return bool(_json(self._session, f"http://{self._engine}/api/ps").get("models"))


def _json(session: requests.Session, url: str, key: str = "") -> dict[str, Any]:
    try:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        found: dict[str, Any] = session.get(url, timeout=5, verify=False, headers=headers).json()
    except (requests.RequestException, ValueError):
        return {}
    return found


def one_wake(place: Place, url: str, browser: requests.Session) -> dict[str, float]:
    """Ask for a report while it sleeps, and return the seconds of each stage."""
    session, machine, moments = requests.Session(), Machine(place), Moments(place)
    report = ask(place, browser)
    moments.wait("running", machine.running)
    moments.wait("listening", machine.health)
    moments.wait("loading", lambda: machine.loading() or machine.loaded())
    moments.wait("loaded", machine.loaded)
    moments.wait("healthy", lambda: machine.health().get("status") == "healthy")
    moments.wait("ready", lambda: _json(session, f"{url}/backend", KEY).get("phase") == "ready")
    moments.wait("accepted", lambda: shown(browser, report).get("accepted_time"))
    moments.wait("prompt", lambda: shown(browser, report).get("current_section") not in WAITING)
    moments.wait("end", lambda: shown(browser, report).get("status") == "completed")
    return moments.lengths()


WAITING = (None, "Writing", "Handing over to the backend", "Waiting for the backend's turn (place 1)")


def measure(folder: Path, speed: float, times: int) -> list[dict[str, float]]:
    """Wake one deployment so many times."""
    found = []
    for place in run_sandbox(folder, "toy", speed):
        process, url = agent(place, "--gpu-only")
        place.ert("up", timeout=600)
        browser = logged_in(place)
        for _ in range(times):
            place.ert("sleep", timeout=600)
            found.append(one_wake(place, url, browser))
        process.terminate()
        process.communicate(timeout=30)
        place.ert("down", timeout=600)
    return found


def main() -> int:
    """Parse the arguments, measure, print the table, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.first_token", description=__doc__)
    parser.add_argument("--speed", type=float, default=1.0, help="provider seconds per real second")
    parser.add_argument("--times", type=int, default=3, help="wakes")
    given = parser.parse_args()
    urllib3.disable_warnings()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder), given.speed, given.times)
    return report(found)


def report(found: list[dict[str, float]]) -> int:
    """Print the median and the largest seconds of each stage; return 1 if what is ours takes too long."""
    rows = [(STAGES[name], *_two([one[name] for one in found])) for name in list(STAGES)[1:]]
    ours = [sum(seconds for name, seconds in one.items() if name != THEIRS) for one in found]
    rows.append(("ours, from `running` to the prompt", *_two(ours)))
    lines = ["| stage | median s | largest s |", "|---|---|---|", *(f"| {' | '.join(row)} |" for row in rows)]
    sys.stdout.write(printed("\n".join(lines)) + "\n")
    sys.stdout.write(f"{len(found)} wakes; fails where ours takes more than {MOST:.0f} s\n")
    return int(max(ours) > MOST)


def _two(values: list[float]) -> tuple[str, str]:
    return f"{median(values):.2f}", f"{max(values):.2f}"


if __name__ == "__main__":
    sys.exit(main())
