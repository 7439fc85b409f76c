"""Machines: one real process per running container, with the environment that Vast would set.

A machine inherits only `PATH`, `LANG` and the others in `INHERITED`, and it reaches loopback only (`loopback.py`).
Its disk is a directory that survives stop and start and is deleted with the instance; stdout and stderr are the
container's log. Every process is recorded with its `pid` and kernel start time in `vast-processes.json` of its
directory, so that a later run can clean up without killing another program that reuses the `pid`. This module is
independent of contracts, prices and HTTP.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ert_deploy.sandbox.runtime.loopback import confined
from ert_deploy.sandbox.runtime.processes import ProcessIdentity

Command = Sequence[str] | Callable[[Mapping[str, str]], Sequence[str]]
BOOK = "vast-processes.json"
INHERITED = ("PATH", "LANG", "SSL_CERT_FILE")
INHERITED_PREFIX = "OPENBLAS_"
# Below the range of ephemeral ports, because a stopped machine keeps its port.
FIRST_PORT, LAST_PORT = 21000, 31999
# The request for a stop is often sent by the machine itself, which should receive the response first.
SIGNAL_AFTER = 0.2


def inherited() -> dict[str, str]:
    """Return the only variables that a machine inherits."""
    return {k: v for k, v in os.environ.items() if k in INHERITED or k.startswith(INHERITED_PREFIX)}


class Ports:
    """External ports of all machines: each is allocated once, and only if no server is listening on it."""

    def __init__(self) -> None:
        self._given: set[int] = set()
        self._next = FIRST_PORT + os.getpid() * 131 % (LAST_PORT - FIRST_PORT)

    def give(self) -> int:
        """Allocate an available loopback port. Raises `OSError` when the range is exhausted."""
        for _ in range(LAST_PORT - FIRST_PORT):
            port = self._next
            self._next = FIRST_PORT + (port + 1 - FIRST_PORT) % (LAST_PORT - FIRST_PORT)
            if port not in self._given and _bindable(port):
                self._given.add(port)
                return port
        raise OSError("no free port for a sandbox machine")

    def claim(self, port: int) -> None:
        """Allocate this port. Raises `OSError` when it is already allocated or in use."""
        if port in self._given or not _bindable(port, reuse=True):
            raise OSError(f"port {port} of 127.0.0.1 is taken")
        self._given.add(port)

    def take_back(self, ports: Sequence[int]) -> None:
        """Release the ports of a destroyed machine."""
        self._given.difference_update(ports)


def _bindable(port: int, *, reuse: bool = False) -> bool:
    """Whether a server could bind the port; with `reuse` also if it has connections in TIME_WAIT."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(reuse))
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@dataclass(slots=True)
class Machine:
    """A started process (leader of its own session) and its time limits in real monotonic seconds."""

    process: subprocess.Popen[bytes]
    signal_at: float | None = None
    kill_at: float | None = None
    wipe: bool = False


class Machines:
    """The processes of all machines. Not thread-safe: the caller must have locked the account."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._running: dict[int, Machine] = {}
        directory.mkdir(parents=True, exist_ok=True)

    def folder(self, instance: int) -> Path:
        """Return the directory of an instance, with its disk and log."""
        return self._directory / "instances" / str(instance)

    def disk(self, instance: int) -> Path:
        """Return the disk of the instance, created on first use."""
        disk = self.folder(instance) / "disk"
        disk.mkdir(parents=True, exist_ok=True, mode=0o700)
        return disk

    def log(self, instance: int) -> Path:
        """Return the path of the container's log, which may not exist yet."""
        return self.folder(instance) / "container.log"

    def start(self, instance: int, command: Command, env: Mapping[str, str]) -> None:
        """Start the process of the container. Raises `OSError` if the command cannot be executed."""
        argv = list(command(env) if callable(command) else command)
        disk = self.disk(instance)
        with self.log(instance).open("ab") as log:
            process = subprocess.Popen(
                argv,
                cwd=disk,
                env=confined({**inherited(), "HOME": str(disk), **env}, self._directory),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._running[instance] = Machine(process)
        self._write_book()

    def alive(self, instance: int) -> bool:
        """Whether there is a process that has not been reaped."""
        return instance in self._running

    def pid(self, instance: int) -> int | None:
        """Return the process id, or None if there is no process."""
        machine = self._running.get(instance)
        return machine.process.pid if machine else None

    def end(self, instance: int, grace: float, *, wipe: bool = False) -> None:
        """Schedule SIGTERM soon, SIGKILL `grace` real seconds later and, with `wipe`, deletion of the directory."""
        machine = self._running.get(instance)
        if machine is None:
            if wipe:
                shutil.rmtree(self.folder(instance), ignore_errors=True)
            return
        machine.wipe = machine.wipe or wipe
        if machine.kill_at is None:
            machine.signal_at = time.monotonic() + SIGNAL_AFTER
            machine.kill_at = machine.signal_at + grace

    def kill(self, instance: int) -> None:
        """Power off: kill the session of the instance."""
        machine = self._running.get(instance)
        if machine is not None:
            machine.kill_at = 0.0
            _kill_session(machine.process.pid)

    def tend(self) -> list[int]:
        """Send due signals, remove processes that have exited and return their instances."""
        now = time.monotonic()
        for machine in self._running.values():
            _press(machine, now)
        ended = [instance for instance, machine in self._running.items() if _over(machine.process)]
        for instance in ended:
            self._reap(instance)
        if ended:
            self._write_book()
        return ended

    def stop(self, grace: float = 5.0) -> None:
        """Terminate all machines and wait for them."""
        for machine in self._running.values():
            machine.signal_at, machine.kill_at = 0.0, time.monotonic() + grace
        while self._running:
            self.tend()
            threading.Event().wait(0.02)

    def _reap(self, instance: int) -> None:
        machine = self._running.pop(instance)
        # The leader is still a zombie here, so its session id cannot have been reused yet.
        _kill_session(machine.process.pid)
        machine.process.wait()
        if machine.wipe:
            shutil.rmtree(self.folder(instance), ignore_errors=True)

    def _write_book(self) -> None:
        rows = [
            {"pid": m.process.pid, "start_time": ProcessIdentity.of(m.process.pid).start_time, "instance": i}
            for i, m in self._running.items()
        ]
        draft = self._directory / f"{BOOK}.tmp"
        draft.write_text(json.dumps(rows) + "\n")
        draft.chmod(0o600)
        draft.replace(self._directory / BOOK)


def _press(machine: Machine, now: float) -> None:
    if machine.signal_at is not None and now >= machine.signal_at:
        machine.signal_at = None
        # Only to the leader: in a container, PID 1 terminates the others. `terminate` is not used, because it would
        # reap a leader that has just exited, and `_over` would then check an unrelated process.
        os.kill(machine.process.pid, signal.SIGTERM)
    if machine.kill_at is not None and now >= machine.kill_at:
        _kill_session(machine.process.pid)


def _kill_session(leader: int) -> None:
    """Kill a whole session with all process groups, as when a container stops."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)
    for entry in Path("/proc").glob("[0-9]*"):
        if _session(entry) == leader:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(int(entry.name), signal.SIGKILL)


def _session(entry: Path) -> int:
    with contextlib.suppress(OSError, IndexError, ValueError):
        return int((entry / "stat").read_text().rpartition(")")[2].split()[3])
    return 0


def _over(process: subprocess.Popen[bytes]) -> bool:
    """Whether the leader has exited; does not reap it, where the platform supports that."""
    if not hasattr(os, "waitid"):
        return process.poll() is not None
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None
