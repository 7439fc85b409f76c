"""Play of a virtual week: agent, app and machine as real processes on a sandbox whose clock is sped up."""

from __future__ import annotations

import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import requests

from tests.e2e.conftest import SAMPLE, Place, run_sandbox
from tests.soak.arrivals import DAY, arrivals
from tests.soak.measures import Day, size
from tests.support.agent.delivery import KEY, ask, is_delivered, logged_in, point
from tests.support.agent.pids import apps, children, guards

PAUSE = 1.0  # real seconds between two samples
LAST_REPORTS = 300  # samples that the last reports get
# Provider time that a process of real time needs at such a speed: the widest that the config accepts.
WIDE = {
    "poll": "2m", "settle": "1h", "call_within": "30m", "no_progress": "1h", "boot_limit": "6h", "deploy_limit": "2h",
    "prove_limit": "1h", "start_lag": "10m", "wake_grace": "1h", "finish": "6h", "boot_deadline": "12h",
    "max_lifetime": "24h",
}  # fmt: skip
Say = Callable[[str], None]


@dataclass
class Soak:
    """A deployment that is in use. `reports` are the addresses of those that were asked for."""

    place: Place
    agent: subprocess.Popen[str]
    url: str
    log: Path
    reports: list[str] = field(default_factory=list)

    def sample(self, day: Day) -> None:
        """Note what every part holds now."""
        day.see("agent", [self.agent.pid])
        day.see("dashboard", [pid for one in apps(self.place) for pid in (one, *children(one))])
        day.see("guard", guards(self.place).values())

    def close(self, day: Day) -> None:
        """Note the sizes, and what the agent has done until now."""
        found = list((self.place.folder / ".ert").rglob("*"))
        day.state = size((self.place.folder / ".ert").glob("*.json"))
        day.logs = size([self.log, *(one for one in found if "log" in one.name and one.is_file())])
        shown = {"Authorization": f"Bearer {KEY}"}
        text = requests.get(f"{self.url}/metrics", headers=shown, timeout=30).text
        day.starts = round(sum(float(n) for n in re.findall(r"^ert_agent_runs_total\{.*wake.*\} (\S+)$", text, re.M)))
        day.reports = len(self.reports)


@contextmanager
def soak(folder: Path, speed: float) -> Iterator[Soak]:
    """Yield a deployment that has slept since it was made, and its agent."""
    for place in run_sandbox(folder, "toy", speed):
        (folder / "soak.yaml").write_text(config())
        place.extra |= {"ERT_CONFIG": "soak.yaml", "ERT_AGENT_KEY": KEY}
        made = _begun(place)
        point(place, made.url)
        place.ert("up", timeout=300)
        yield made
        made.agent.terminate()
        made.agent.communicate(timeout=30)
        place.ert("down", timeout=300)
        assert place.bill()["running"] == []


def config() -> str:
    """Return the sample config with limits that suit the speed."""
    text = SAMPLE.read_text()
    for key, value in WIDE.items():
        text, count = re.subn(rf"^( *{key}: ).*$", rf"\g<1>{value}", text, flags=re.MULTILINE)
        assert count == 1, key
    return text


def _begun(place: Place) -> Soak:
    log = place.folder / "agent.log"
    words = ("agent", "--gpu-only", "--listen", "127.0.0.1:0", "--every", "1s")
    with log.open("w") as sink:
        process = subprocess.Popen(
            [*place.program, *words],
            cwd=place.folder, env=place.environ(), stdout=subprocess.PIPE, stderr=sink, text=True,
        )  # fmt: skip
    place.started.append(process)
    assert process.stdout is not None
    return Soak(place, process, process.stdout.readline().strip(), log)


def played(made: Soak, days: int, seed: int, say: Say) -> list[Day]:
    """Play so many and return their measures. Every report has to be delivered."""
    clock, browser, gate = made.place.world.clock, logged_in(made.place), threading.Event()
    due, began, found = arrivals(days, seed), made.place.world.clock.now(), []
    for number in range(days):
        day = Day()
        while clock.now() < began + (number + 1) * DAY:
            while due and clock.now() >= began + due[0]:
                due.pop(0)
                made.reports.append(ask(made.place, browser))
            made.sample(day)
            gate.wait(PAUSE)
        made.close(day)
        found.append(day)
        say(f"day {number + 1} is over: {day.reports} reports were asked for, {day.starts} starts\n")
    _delivered(made, browser, gate)
    return found


def _delivered(made: Soak, browser: requests.Session, gate: threading.Event) -> None:
    left = set(made.reports)
    for _ in range(LAST_REPORTS):
        left = {one for one in left if not is_delivered(browser, one)}
        if not left:
            return
        gate.wait(PAUSE)
    raise AssertionError(f"{len(left)} of {len(made.reports)} reports were not delivered")
