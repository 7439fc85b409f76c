"""The guard as a process, with the real app and a scripted Ollama as its children."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from tests.support.backend.rig import ENV, KEY, wait_for
from tests.support.doubles.vast_self_api import FakeVast

TESTS = Path(__file__).parents[1]
PACKAGE = TESTS.parent / "images" / "llm-backend"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


class Guard:
    """A running guard, its ports and its log."""

    def __init__(self, folder: Path, onto: int | None = None, /, **env: str) -> None:
        self.data = folder / "data"
        self.log_path = folder / "log"
        self.port = free_port()
        clean = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        given = {
            **clean,
            **ENV,
            "PYTHONPATH": str(PACKAGE),
            "ERT_BIND": f"127.0.0.1:{self.port}",
            "ERT_DATA_DIR": str(self.data),
            "OLLAMA_HOST": f"127.0.0.1:{free_port()}",
            "ERT_OLLAMA_CMD": f"{sys.executable} {TESTS / 'support' / 'doubles' / 'scripted_ollama.py'}",
            "CONTAINER_ID": "4711",
            "CONTAINER_API_KEY": "instance-key",
            "ERT_VAST_API": "http://127.0.0.1:9",
            **env,
        }
        with self.log_path.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "ert_backend.guard"], env=given, stdout=onto or log, stderr=subprocess.STDOUT
            )

    @property
    def log(self) -> str:
        return self.log_path.read_text()

    def health(self) -> dict[str, object] | None:
        with suppress(OSError, httpx.HTTPError, ssl.SSLError):
            context = ssl.create_default_context(cafile=str(self.data / "tls-cert.pem"))
            with httpx.Client(verify=context, trust_env=False) as client:
                return dict(client.get(f"https://127.0.0.1:{self.port}/health").json())
        return None

    def healthy(self) -> bool:
        return (self.health() or {}).get("status") == "healthy"

    def pid(self, name: str) -> int:
        lines = [line for line in self.log.splitlines() if line.startswith(f"guard: {name} started")]
        return int(lines[-1].rpartition(" ")[2])


@contextmanager
def guard(folder: Path, **env: str) -> Iterator[Guard]:
    running = Guard(folder, **env)
    try:
        yield running
    finally:
        running.process.terminate()
        running.process.wait(20)


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    return True


def test_it_brings_both_up_restarts_the_dead_and_leaves_nobody_behind(tmp_path: Path) -> None:
    with guard(tmp_path) as running:
        wait_for(running.healthy, 20)
        assert "off-switch active for instance 4711" in running.log.splitlines()[0]
        first_app, first_ollama = running.pid("app"), running.pid("ollama")
        os.kill(first_ollama, signal.SIGKILL)
        wait_for(lambda: running.pid("ollama") != first_ollama)
        os.kill(first_app, signal.SIGKILL)
        wait_for(lambda: running.pid("app") != first_app)
        wait_for(running.healthy, 20)
        children = [running.pid("app"), running.pid("ollama")]
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(15) == 0
        assert all(gone(pid) for pid in [*children, first_app, first_ollama])
        assert "instance-key" not in running.log
        assert KEY not in running.log


def test_a_child_that_ignores_sigterm_is_killed_with_its_own_children(tmp_path: Path) -> None:
    script = tmp_path / "stubborn.sh"
    script.write_text(f'trap "" TERM\nsleep 300 & echo $! > {tmp_path}/grandchild\nwait; wait; sleep 300\n')
    with guard(tmp_path, ERT_OLLAMA_CMD=f"sh {script}") as running:
        grandchild = int(wait_for(lambda: (tmp_path / "grandchild").exists() and (tmp_path / "grandchild").read_text()))
        ollama = running.pid("ollama")
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(15) == 0
        wait_for(lambda: gone(ollama) and gone(grandchild))


def test_children_do_not_outlive_a_killed_guard(tmp_path: Path) -> None:
    with guard(tmp_path) as running:
        wait_for(running.healthy, 20)
        children = [running.pid("app"), running.pid("ollama")]
        running.process.kill()
        wait_for(lambda: all(gone(pid) for pid in children))


def test_an_unclaimed_machine_asks_to_be_destroyed_and_a_claimed_idle_one_to_be_stopped(tmp_path: Path) -> None:
    rules = {"ERT_CLOCK_SPEED": "1000", "ERT_BOOT_DEADLINE": "1000", "ERT_MAX_LIFETIME": "0"}
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with FakeVast() as vast, guard(tmp_path / "a", ERT_VAST_API=vast.url, **rules):
        wait_for(lambda: vast.calls)
        assert vast.calls[0].method == "DELETE"
    rules |= {"ERT_BOOT_DEADLINE": "30000", "ERT_IDLE_STOP": "1500"}
    with FakeVast() as vast, guard(tmp_path / "b", ERT_VAST_API=vast.url, **rules) as running:
        wait_for(running.healthy, 20)
        context = ssl.create_default_context(cafile=str(running.data / "tls-cert.pem"))
        with httpx.Client(verify=context, trust_env=False, headers={"Authorization": f"Bearer {KEY}"}) as client:
            assert client.get(f"https://127.0.0.1:{running.port}/status").status_code == 200
        wait_for(lambda: vast.calls)
        assert (vast.calls[0].method, vast.calls[0].body) == ("PUT", {"state": "stopped"})


def test_an_app_that_cannot_start_does_not_disarm_the_off_switch(tmp_path: Path) -> None:
    rules = {"ERT_CLOCK_SPEED": "1000", "ERT_BOOT_DEADLINE": "1000", "ERT_KEY_HASHES": "broken-secret"}
    with FakeVast() as vast, guard(tmp_path, ERT_VAST_API=vast.url, **rules) as running:
        wait_for(lambda: vast.calls)
        wait_for(lambda: "ERT_KEY_HASHES is not a list" in running.log)
        assert "broken-secret" not in running.log


@pytest.mark.parametrize("missing", ["CONTAINER_ID", "CONTAINER_API_KEY"])
def test_without_its_own_id_or_key_it_does_not_start_unless_told_to(tmp_path: Path, missing: str) -> None:
    with guard(tmp_path, **{missing: ""}) as running:
        assert running.process.wait(10) == 3
        assert "NOT active" in running.log
        assert "started" not in running.log
    with guard(tmp_path, ERT_GUARD="off", **{missing: ""}) as running:
        wait_for(lambda: "ollama started" in running.log)
        assert "armed" not in running.log
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(15) == 0


def test_the_guard_needs_the_standard_library_only() -> None:
    code = f"import json, sys; sys.path.insert(0, {str(PACKAGE)!r}); import ert_backend.guard.__main__"
    code += "; print(json.dumps(sorted(sys.modules)))"
    found = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, check=True, timeout=20)
    modules = {name.partition(".")[0] for name in json.loads(found.stdout)}
    assert modules <= {*sys.stdlib_module_names, "ert_backend", "__main__"}
