"""The agent as a process on a sandbox of real processes: killed while it wakes, twice on one state, and its memory."""

from __future__ import annotations

import re
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen
from typing import Any

import requests

from tests.e2e.conftest import SAMPLE, Place, run_sandbox
from tests.support.agent.served import KEY

LONG, TICK = 180.0, 0.1
MB = 1_000_000
LOOKS = 100  # ticks in which an agent looks several times


@dataclass
class Process:
    """One agent, and its URL."""

    process: Popen[str]
    url: str

    def call(self, method: str, path: str) -> requests.Response:
        """Send a request with the key."""
        shown = {"Authorization": f"Bearer {KEY.reveal()}"}
        return requests.request(method, f"{self.url}{path}", headers=shown, timeout=30)

    def backend(self) -> dict[str, Any]:
        """Return the document of the backend."""
        found: dict[str, Any] = self.call("GET", "/backend").json()
        return found

    def end(self, number: signal.Signals) -> int:
        """Send it a signal and return its exit code."""
        self.process.send_signal(number)
        self.process.communicate(timeout=30)
        return self.process.returncode

    def memory(self) -> float:
        """Return its resident memory in MB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        found = re.search(r"^VmRSS:\s+(\d+) kB$", status, re.MULTILINE)
        assert found is not None
        return int(found[1]) * 1024 / MB


def agent(place: Place, *options: str) -> Process:
    """Start an agent at a free port, and return it once it listens."""
    process = place.start("agent", "--listen", "127.0.0.1:0", "--every", "2s", *options)
    assert process.stdout is not None
    return Process(process, process.stdout.readline().strip())


def until(condition: Callable[[], object]) -> None:
    """Wait until a condition is true."""
    gate, left = threading.Event(), LONG / TICK
    while not condition():
        left -= 1
        assert left > 0, "it has not come true"
        gate.wait(TICK)


def woken(*agents: Process) -> None:
    """Repeat the request until one agent is ready."""
    until(lambda: any(one.call("POST", "/wake").status_code == 200 for one in agents))


@contextmanager
def place() -> Iterator[Place]:
    """Yield a sandbox with a deployment that sleeps."""
    with tempfile.TemporaryDirectory() as folder:
        for made in run_sandbox(Path(folder), "toy", 60.0):
            made.extra["ERT_AGENT_KEY"] = KEY.reveal()
            made.ert("up")
            made.ert("sleep")
            yield made


def memory_by_deployments(made: Place, names: Sequence[str]) -> float:
    """Return the resident memory in MB of an agent of so many deployments, after several looks at each."""
    configs = []
    for name in names:
        configs += ["-c", f"{name}.yaml"]
        (made.folder / f"{name}.yaml").write_text(named(name))
    one = agent(made, "--gpu-only", *configs)
    until(lambda: all(phase(one, name) in ("gone", "asleep", "ready") for name in names))
    gate = threading.Event()
    for _ in range(LOOKS):
        gate.wait(TICK)
        assert one.call("GET", "/metrics").status_code == 200
    memory = one.memory()
    assert one.end(signal.SIGTERM) == 0
    return memory


def phase(one: Process, name: str) -> str:
    """Return the phase of one of several deployments."""
    return str(one.call("GET", f"/backend?deployment={name}").json()["phase"])


def named(name: str) -> str:
    """Return the sample config for a deployment of that name."""
    text = SAMPLE.read_text()
    assert "deployment: ert-sandbox\n" in text
    return text.replace("deployment: ert-sandbox\n", f"deployment: {name}\n")


def killed_while_it_wakes(made: Place, *, taken: bool) -> str:
    """Have two agents on one state, kill both after a request, and have a third one end what they began."""
    before = made.instances()
    made.ert("sleep")
    if taken:
        made.ert("sandbox", "break", "gpu_taken")
    first, second = agent(made), agent(made)
    replies = [one.call("POST", "/wake").status_code for one in (first, second)]
    assert set(replies) <= {200, 202}, replies
    until(lambda: "waking" in (first.backend()["phase"], second.backend()["phase"]))
    for one in (first, second):
        one.end(signal.SIGKILL)
    third = agent(made)
    woken(third)
    found = third.backend()
    until(lambda: len(made.instances()) == 1)
    until(lambda: made.variables()["ERT_LLM_BACKEND_URL"] == third.backend()["url"])
    memory = third.memory()
    assert third.end(signal.SIGTERM) == 0
    assert (made.instances() == before) is not taken
    assert len(made.data("report", "AAPL")["sections"]) == 5
    return f"{found['phase']} with {len(made.instances())} machine, generation {found['generation']}, {memory:.0f} MB"


def without_the_web_host(made: Place) -> str:
    """Wake without a key of the web host: the address is told, and no variable changes."""
    made.ert("sleep")
    variables, deploys = made.variables(), made.deploys()
    one = agent(made, "--gpu-only")
    woken(one)
    found = one.backend()
    assert found["url"].startswith("https://")
    assert "BEGIN CERTIFICATE" in found["certificate"]
    assert (made.variables(), made.deploys()) == (variables, deploys)
    assert one.end(signal.SIGTERM) == 0
    return f"{found['phase']}, can_publish {found['can_publish']}: {found['reason']}"
