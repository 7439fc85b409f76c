"""Service instance: a real process with exactly the environment that Render would set.

It inherits only `PATH`, `HOME` and `LANG`. The app gets its environment unchanged, except for proxy settings;
connections to remote hosts are rejected (`runtime/loopback.py`). Every process is recorded in `render-processes.json`
of its directory (a list of objects with `pid`, `start_time`, `instance`, `service`; `start_time` is field 22 of
`/proc/PID/stat`, 0 without `/proc`), so that a later run can clean up without killing another program that reuses the
`pid`.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ert_deploy.sandbox.runtime.processes import ProcessIdentity

Command = Callable[[int], Sequence[str]]
HEALTH_TIMEOUT = 5.0
DASHBOARD = "python -m ert_dashboard"


def shell(command: str) -> Sequence[str]:
    """Return the command line that runs `command` in bash, on loopback where it says all addresses."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))
    return ["env", f"PATH={path}", "bash", "-c", command.replace("0.0.0.0", "127.0.0.1")]  # noqa: S104 - replaced


def start_command(details: Mapping[str, str], *, worker: bool) -> Sequence[str]:
    """Return the command line of a service's own start command; a worker without a role is the dashboard's."""
    start = details.get("startCommand", "")
    return shell(f"{DASHBOARD} --role worker" if worker and "--role" not in start else start)


def inherited() -> dict[str, str]:
    """Return the only variables that a service inherits."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}


class ProcessBook:
    """The process list on disk."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._path = directory / "render-processes.json"
        self._lock = threading.Lock()
        self._rows: dict[int, dict[str, object]] = {}

    def add(self, instance: Instance) -> None:
        """Add a process to the list."""
        pid = instance.pid
        row: dict[str, object] = {
            "pid": pid,
            "start_time": ProcessIdentity.of(pid).start_time,
            "instance": instance.id,
            "service": instance.service_id,
        }
        with self._lock:
            self._rows[pid] = row
            self._save()

    def remove(self, pid: int) -> None:
        """Remove a process from the list, after it has exited."""
        with self._lock:
            if self._rows.pop(pid, None) is not None:
                self._save()

    def _save(self) -> None:
        draft = self._path.with_suffix(".tmp")
        draft.write_text(json.dumps(list(self._rows.values())) + "\n")
        draft.chmod(0o600)
        draft.replace(self._path)


class Instance:
    """A started process in its own process group; `exited` is set after the whole group has exited."""

    def __init__(
        self,
        id: str,
        service_id: str,
        deploy_id: str,
        *,
        command: Sequence[str],
        cwd: Path,
        env: Mapping[str, str],
        port: int,
        created: float,
        sink: Callable[[str], None],
        book: ProcessBook,
    ) -> None:
        self.id = id
        self.service_id = service_id
        self.deploy_id = deploy_id
        self.port = port
        self.created = created
        self.exited = threading.Event()
        self.exit_code: int | None = None
        self._book = book
        self._process = subprocess.Popen(
            list(command),
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        book.add(self)
        self._reader = threading.Thread(target=self._read, args=(sink,), daemon=True)
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._reader.start()
        self._watcher.start()

    @property
    def pid(self) -> int:
        """Process id of the leader of the group."""
        return self._process.pid

    def terminate(self) -> None:
        """Send SIGTERM to the leader, as Render does."""
        if not self.exited.is_set():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)

    def kill(self) -> None:
        """Kill the whole group and wait for it."""
        if not self.exited.is_set():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
        self.exited.wait(10)

    def _read(self, sink: Callable[[str], None]) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as out:
            for line in out:
                sink(line.decode(errors="replace").rstrip("\r\n"))

    def _watch(self) -> None:
        # The leader is a zombie until its group is killed, so the group's id cannot have been reused yet.
        if hasattr(os, "waitid"):
            os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        else:
            self._process.wait()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self.exit_code = self._process.wait()
        self._reader.join(5)
        self._book.remove(self.pid)
        self.exited.set()


def healthy(port: int, path: str, host: str, timeout: float = HEALTH_TIMEOUT) -> bool:
    """Whether Render's check passes: GET `path` returns 2xx or 3xx in time, or the port is open if `path` is empty."""
    if not path:
        return _connects(port, timeout)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request("GET", path, headers={"Host": host, "User-Agent": "Render/1.0", "Connection": "close"})
        return 200 <= connection.getresponse().status < 400
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _connects(port: int, timeout: float) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout):
            return True
    except OSError:
        return False


def failure_of(exit_code: int) -> dict[str, object]:
    """Return `reason.failure` of Render's event for a process that has exited."""
    if exit_code == 0:
        return {"evicted": False, "earlyExit": True}
    return {"evicted": False, "earlyExit": False, "nonZeroExit": exit_code if exit_code > 0 else 128 - exit_code}
