"""One running instance of a service: a real process with exactly the environment Render would give it.

Nothing of the sandbox's own environment gets in, apart from PATH, HOME and LANG. The app finds its variables as they
were written, proxies excepted; a connection that leads off loopback is refused (`runtime/loopback.py`). Every process
started is written down with its pid and start time in `render-processes.json` of the world directory (a list of
objects `pid`, `start_time`, `instance`, `service`; `start_time` is field 22 of /proc/PID/stat, 0 where there is no
/proc), so that a world that was killed can be tidied up without hitting a stranger that got the same pid.
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

from ert_deploy.sandbox.runtime.processes import ProcessMark

Command = Callable[[int], Sequence[str]]
HEALTH_TIMEOUT = 5.0


def gunicorn(port: int) -> Sequence[str]:
    """How the dashboard is started (`gunicorn -k gthread`, one worker because Socket.IO keeps its rooms in memory)."""
    serve = ["-k", "gthread", "-w", "1", "--threads", "100", "--no-control-socket"]
    return [sys.executable, "-m", "gunicorn", *serve, "--bind", f"127.0.0.1:{port}", "wsgi:app"]


def inherited() -> dict[str, str]:
    """The only variables a service process gets from the sandbox itself."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}


def free_port() -> int:
    """A loopback port nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class ProcessBook:
    """The list of our processes on disk."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._path = directory / "render-processes.json"
        self._lock = threading.Lock()
        self._rows: dict[int, dict[str, object]] = {}

    def add(self, instance: Instance) -> None:
        """Write one process down."""
        pid = instance.pid
        row: dict[str, object] = {
            "pid": pid,
            "start_time": ProcessMark.of(pid).start_time,
            "instance": instance.id,
            "service": instance.service_id,
        }
        with self._lock:
            self._rows[pid] = row
            self._save()

    def remove(self, pid: int) -> None:
        """Cross one process off, after it was reaped."""
        with self._lock:
            if self._rows.pop(pid, None) is not None:
                self._save()

    def _save(self) -> None:
        draft = self._path.with_suffix(".tmp")
        draft.write_text(json.dumps(list(self._rows.values())) + "\n")
        draft.chmod(0o600)
        draft.replace(self._path)


class Instance:
    """A started process in its own process group; `exited` is set after it and its children are gone."""

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
        """The leader of the process group."""
        return self._process.pid

    def terminate(self) -> None:
        """Ask the process to end (SIGTERM to the leader, as Render does)."""
        if not self.exited.is_set():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)

    def kill(self) -> None:
        """End the whole process group now and wait until it is reaped."""
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
        # The leader stays a zombie until its group is killed, so the group's number cannot belong to anybody else yet.
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
    """Render's check: GET `path` answers 2xx or 3xx in time; with an empty path, a TCP connection is enough."""
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
    """How Render words a process that ended by itself (`reason.failure` of an event)."""
    if exit_code == 0:
        return {"evicted": False, "earlyExit": True}
    return {"evicted": False, "earlyExit": False, "nonZeroExit": exit_code if exit_code > 0 else 128 - exit_code}
