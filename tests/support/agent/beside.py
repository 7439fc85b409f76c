"""Agent and dashboard in one service, as real processes, and a process of their user that looks."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import requests

from ert_dashboard.auth.password import hash_password
from tests.e2e.conftest import Place
from tests.support.agent.delivery import KEY, PASSWORD
from tests.support.agent.pids import children
from tests.support.llm_engine.servers import free_port

ROOT = Path(__file__).resolve().parents[3]
DASHBOARD = ROOT / "images" / "dashboard"
LONG, TICK = 60.0, 0.02
# Each stub writes its variables and what /proc shows of it, and stays.
SHOW = """\
import json, os, signal, sys
from pathlib import Path

def show(name):
    out = Path(os.environ["HOME"])
    try:
        shown = Path("/proc/self/environ").read_bytes().decode()
    except PermissionError:  # for whoever is not root, also of the process itself
        shown = ""
    found = {"pid": os.getpid(), "environ": dict(os.environ), "shown": shown}
    (out / "tmp").with_suffix(name).write_text(json.dumps(found))
    (out / "tmp").with_suffix(name).rename(out / f"{name[1:]}.json")
    print(f"{name[1:]} speaks", flush=True)
"""
STUB_AGENT = f"""\
{SHOW}
from ert_deploy.agent.beside import manager

def agent():
    show(".agent")
    signal.pause()

manager.STARTS = int(sys.argv[2])
sys.exit(not manager.run(Path(sys.argv[1]), agent))
"""
STUB_DASHBOARD = f"""\
{SHOW}
if "ERT_DASHBOARD_DIE" in os.environ:
    sys.exit("it cannot start")
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
show(".dashboard")
while True:
    signal.pause()
"""
# Root has rights that a user at a host has not: dropped, its processes are to each other as those of any one user.
PLAIN = (
    sys.executable,
    "-c",
    "import ctypes, os, sys\n"
    "for number in range(64):\n"
    "    ctypes.CDLL(None).prctl(24, number, 0, 0, 0)\n"  # PR_CAPBSET_DROP
    "os.execv(sys.argv[1], sys.argv[1:])\n",
)
READER = """\
import json, os, pathlib, sys
marker, count, *pids = sys.argv[1:]
found, refused, read = set(), set(), 0
for _ in range(int(count)):
    for folder in pathlib.Path("/proc").iterdir():
        if not folder.name.isdecimal():
            continue
        try:
            text = (folder / "environ").read_bytes()
            read += 1
        except OSError:
            continue
        if marker.encode() in text:
            found.add(folder.name)
for pid in pids:
    for what in ("environ", "mem", "maps", "fd/1"):
        try:
            os.close(os.open(f"/proc/{pid}/{what}", os.O_RDONLY | os.O_NONBLOCK))
        except OSError:
            refused.add(f"{pid} {what}")
print(json.dumps({"found": sorted(found), "refused": sorted(refused), "read": read}))
"""


def python_path(*more: Path) -> str:
    """Return the path on which processes in other folders find this tree, and what the tests run with."""
    own = [ROOT, ROOT / "images" / "llm-backend", DASHBOARD]
    rest = [one for one in os.environ.get("PYTHONPATH", "").split(os.pathsep) if one.startswith("/")]
    return os.pathsep.join([*map(str, [*more, *own]), *rest])


@dataclass
class Service:
    """One service: its first process, and the folder with what it has written."""

    process: subprocess.Popen[bytes]
    folder: Path
    started: list[int] = field(default_factory=list)

    def log(self) -> str:
        """Return all that it has printed."""
        return (self.folder / "log").read_text()

    def said(self, name: str) -> dict[str, Any]:
        """Return what a stub wrote of itself."""
        found: dict[str, Any] = json.loads((self.folder / f"{name}.json").read_text())
        return found

    def pids(self) -> list[int]:
        """Return its processes; each is remembered."""
        found = [self.process.pid, *children(self.process.pid)]
        self.started += [pid for pid in found if pid not in self.started]
        return found

    def agent(self) -> int:
        """Return the pid of the agent, which is the fork of the manager."""
        own = Path(f"/proc/{self.process.pid}/cmdline").read_bytes()
        (found,) = [pid for pid in self.pids()[1:] if Path(f"/proc/{pid}/cmdline").read_bytes() == own]
        return found

    def end(self, number: signal.Signals = signal.SIGTERM, within: float = 30.0) -> int:
        """End it and return its exit code; every process that it had is gone then."""
        self.pids()
        self.process.send_signal(number)
        code = self.process.wait(within)
        eventually(lambda: not [pid for pid in self.started if Path(f"/proc/{pid}/stat").exists()])
        return code


@contextmanager
def service(folder: Path, words: Sequence[str], environ: Mapping[str, str]) -> Iterator[Service]:
    """Run a command as the first process of a service, with these variables alone; end it with the block."""
    given = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": python_path(), **environ}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([*PLAIN, *words], cwd=folder, env=given, stdout=log, stderr=subprocess.STDOUT)
    made = Service(process, folder)
    try:
        yield made
    finally:
        if process.poll() is None:
            made.end(signal.SIGKILL)


@contextmanager
def other(marker: str) -> Iterator[int]:
    """Run an ordinary process of the same user that has a text in its environment; yield its pid."""
    words = [*PLAIN, sys.executable, "-c", "print(flush=True); input()"]
    with subprocess.Popen(words, env={"A": marker}, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process.pid
        process.communicate(b"\n")


@contextmanager
def stubs(folder: Path, environ: Mapping[str, str], starts: int = 5) -> Iterator[Service]:
    """Run a service of two small programs that show what they get."""
    place = folder / "place" / "ert_dashboard"
    place.mkdir(parents=True)
    (place / "__init__.py").touch()
    (place / "__main__.py").write_text(STUB_DASHBOARD)
    words = [sys.executable, "-c", STUB_AGENT, str(place.parent), str(starts)]
    path = os.pathsep.join([str(ROOT), *python_path().split(os.pathsep)[3:]])
    with service(folder, words, {"PYTHONPATH": path, **environ}) as made:
        yield made


@contextmanager
def real(place: Place, *options: str, login: bool = True, **environ: str) -> Iterator[tuple[Service, Place]]:
    """Run the agent of a sandbox with the real dashboard; yield the service, and the place with it as the app."""
    port, agent = free_port(), free_port()
    words = [*place.program, "agent", "--gpu-only", "--every", "5s", "--listen", f"127.0.0.1:{agent}", *options]
    given = {
        **place.variables(),
        "PORT": str(port),
        "ERT_AGENT_KEY": KEY,
        "ERT_AGENT_URL": f"http://127.0.0.1:{agent}",
        "ERT_DASHBOARD_DB": str(place.folder / "reports.sqlite3"),
        **({"ERT_DASHBOARD_PASSWORD_HASH": hash_password(PASSWORD)} if login else {}),
        "ERT_DASHBOARD_REQUESTS_PER_SECOND": "0",
        **environ,
    }
    with service(place.folder, [*words, "--beside", str(DASHBOARD)], given) as made:
        eventually(lambda: responds(port))
        world = replace(place.world, app_url=f"http://127.0.0.1:{port}")
        yield made, replace(place, world=world, extra={"ERT_AGENT_URL": given["ERT_AGENT_URL"]})


def phase(app: Place) -> str:
    """Return the phase that the agent of the service tells; empty while it does not respond."""
    headers = {"Authorization": f"Bearer {KEY}"}
    try:
        return str(requests.get(f"{app.extra['ERT_AGENT_URL']}/backend", headers=headers, timeout=10).json()["phase"])
    except requests.RequestException:
        return ""


def responds(port: int) -> bool:
    """Whether a dashboard serves there."""
    try:
        return requests.get(f"http://127.0.0.1:{port}/health", timeout=5).status_code == 200
    except requests.RequestException:
        return False


def look(marker: str, times: int, pids: list[int]) -> dict[str, Any]:
    """Look for a text in every environment as a process of the same user, and into these processes."""
    words = [*PLAIN, sys.executable, "-c", READER, marker, str(times), *map(str, pids)]
    done = subprocess.run(words, env={}, capture_output=True, text=True, timeout=100, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def eventually(condition: Callable[[], object], within: float = LONG) -> None:
    """Wait until a condition is true."""
    gate, left = threading.Event(), within / TICK
    while not condition():
        left -= 1
        assert left > 0, "it has not come true"
        gate.wait(TICK)


def written(made: Service, name: str, other_than: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Wait for what a stub writes of itself, of a later start than another one."""
    before = None if other_than is None else other_than["pid"]
    eventually(lambda: (made.folder / f"{name}.json").exists() and made.said(name)["pid"] != before)
    return made.said(name)
