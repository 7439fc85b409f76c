"""Sandbox machines: one real process per running container, with the environment Vast would give it.

A machine inherits nothing of the sandbox but PATH, LANG and the few variables in `INHERITED`, and it reaches loopback
only (`loopback.py`). Its disk is a folder that
outlives stop and start and goes with the instance; stdout and stderr are the container's log. Every process is written
down with pid and kernel start time in `vast-processes.json` of the world directory, so that a world that was killed can
be tidied up without hitting a stranger who got the same pid. Nothing here knows of contracts, prices or HTTP.
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
from ert_deploy.sandbox.runtime.processes import ProcessMark

Command = Sequence[str] | Callable[[Mapping[str, str]], Sequence[str]]
BOOK = "vast-processes.json"
INHERITED = ("PATH", "LANG", "SSL_CERT_FILE")
INHERITED_PREFIX = "OPENBLAS_"
# Below the range from which kernels hand out ports for outgoing connections: a stopped machine keeps its port.
FIRST_PORT, LAST_PORT = 21000, 31999
# The call that asks for a stop often comes out of the machine itself, and should get its answer first.
SIGNAL_AFTER = 0.2


def inherited() -> dict[str, str]:
    """The only variables a machine gets from the sandbox's own environment."""
    return {k: v for k, v in os.environ.items() if k in INHERITED or k.startswith(INHERITED_PREFIX)}


class Ports:
    """External ports of the sandbox's machines: each given once, and only if nobody listens there."""

    def __init__(self) -> None:
        self._given: set[int] = set()
        self._next = FIRST_PORT + os.getpid() * 131 % (LAST_PORT - FIRST_PORT)

    def give(self) -> int:
        """A loopback port that is free now; OSError when the range is used up."""
        for _ in range(LAST_PORT - FIRST_PORT):
            port = self._next
            self._next = FIRST_PORT + (port + 1 - FIRST_PORT) % (LAST_PORT - FIRST_PORT)
            if port not in self._given and _bindable(port):
                self._given.add(port)
                return port
        raise OSError("no free port for a sandbox machine")

    def claim(self, port: int) -> None:
        """Give this very port away; OSError when it is given already or somebody listens there."""
        if port in self._given or not _bindable(port, reuse=True):
            raise OSError(f"port {port} of 127.0.0.1 is taken")
        self._given.add(port)

    def take_back(self, ports: Sequence[int]) -> None:
        """Ports of a destroyed machine may be given again."""
        self._given.difference_update(ports)


def _bindable(port: int, *, reuse: bool = False) -> bool:
    """Whether a server could listen there; with `reuse` also where connections have ended a moment ago."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(reuse))
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@dataclass(slots=True)
class Machine:
    """A started process (leader of its own session) and when it must be gone; times are real monotonic seconds."""

    process: subprocess.Popen[bytes]
    signal_at: float | None = None
    kill_at: float | None = None
    wipe: bool = False


class Machines:
    """All machine processes of one world. Not locked: the caller holds the lock of the double."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._running: dict[int, Machine] = {}
        directory.mkdir(parents=True, exist_ok=True)

    def folder(self, instance: int) -> Path:
        """Where an instance keeps its disk and log."""
        return self._directory / "instances" / str(instance)

    def disk(self, instance: int) -> Path:
        """The instance's disk; made when first asked for."""
        disk = self.folder(instance) / "disk"
        disk.mkdir(parents=True, exist_ok=True, mode=0o700)
        return disk

    def log(self, instance: int) -> Path:
        """The container's log, which may not exist yet."""
        return self.folder(instance) / "container.log"

    def start(self, instance: int, command: Command, env: Mapping[str, str]) -> None:
        """Start the container's process; OSError when the command cannot be run."""
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
        """Whether its process has not been reaped yet."""
        return instance in self._running

    def pid(self, instance: int) -> int | None:
        """The process id while it lives."""
        machine = self._running.get(instance)
        return machine.process.pid if machine else None

    def end(self, instance: int, grace: float, *, wipe: bool = False) -> None:
        """Order SIGTERM soon and SIGKILL `grace` real seconds later; with `wipe` the folder goes afterwards."""
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
        """Power off: SIGKILL to all its processes now."""
        machine = self._running.get(instance)
        if machine is not None:
            machine.kill_at = 0.0
            _kill_session(machine.process.pid)

    def tend(self) -> list[int]:
        """Send the signals that are due and reap what has ended; the instances whose process has ended by now."""
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
        """End everything and wait until it is reaped."""
        for machine in self._running.values():
            machine.signal_at, machine.kill_at = 0.0, time.monotonic() + grace
        while self._running:
            self.tend()
            threading.Event().wait(0.02)

    def _reap(self, instance: int) -> None:
        machine = self._running.pop(instance)
        # The leader is still a zombie here, so the session's number cannot belong to anybody else yet.
        _kill_session(machine.process.pid)
        machine.process.wait()
        if machine.wipe:
            shutil.rmtree(self.folder(instance), ignore_errors=True)

    def _write_book(self) -> None:
        rows = [
            {"pid": m.process.pid, "start_time": ProcessMark.of(m.process.pid).start_time, "instance": i}
            for i, m in self._running.items()
        ]
        draft = self._directory / f"{BOOK}.tmp"
        draft.write_text(json.dumps(rows) + "\n")
        draft.chmod(0o600)
        draft.replace(self._directory / BOOK)


def _press(machine: Machine, now: float) -> None:
    if machine.signal_at is not None and now >= machine.signal_at:
        machine.signal_at = None
        # To the leader alone: a container's other processes are PID 1's to end. Not by `terminate`, which would reap
        # one that has just ended, and `_over` would then ask about a stranger.
        os.kill(machine.process.pid, signal.SIGTERM)
    if machine.kill_at is not None and now >= machine.kill_at:
        _kill_session(machine.process.pid)


def _kill_session(leader: int) -> None:
    """A container that ends takes all its processes along, whatever process groups they have made."""
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
    """Whether the leader has ended, without reaping it where the platform allows that."""
    if not hasattr(os, "waitid"):
        return process.poll() is not None
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None
