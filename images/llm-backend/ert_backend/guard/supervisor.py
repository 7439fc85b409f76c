"""Supervisor: starts the guard's children in separate process groups, restarts them with backoff, and reaps them.

All waiting is `waitpid(-1)`, because PID 1 inherits every orphan of the container. When a child dies its whole group is
killed, since `llama-server` is a grandchild that would keep the GPU's memory.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ert_backend.base.clock import boot_seconds

FIRST_BACKOFF, LAST_BACKOFF, STEADY = 0.5, 30.0, 60.0
# Real seconds for a killed child to exit; one that is blocked in the kernel never does.
LAST_WAIT = 2.0
TRAMPOLINE = Path(__file__).with_name("exec.py")

Log = Callable[[str], None]


@dataclass(slots=True)
class Child:
    """One command that is kept running. Times in boot seconds. `inherits`: descriptors passed to it."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    inherits: tuple[int, ...] = ()
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    backoff: float = FIRST_BACKOFF
    due: float = 0.0

    @property
    def alive(self) -> bool:
        """Whether it has been started and not reaped."""
        return self.process is not None and self.process.returncode is None

    @property
    def pid(self) -> int:
        """Its process id and group; 0 before the first start."""
        return self.process.pid if self.process else 0


class Nursery:
    """Keeps the children running. Call it only from the main thread: the kernel ties the parent-death signal to it.

    `on_death` is called before a dead child is restarted.
    """

    def __init__(self, children: tuple[Child, ...], log: Log, on_death: Callable[[Child], None]) -> None:
        self.children, self.log, self.on_death = children, log, on_death

    def tend(self) -> None:
        """Reap dead children and start those that are due."""
        self.reap()
        for child in self.children:
            if not child.alive and boot_seconds() >= child.due:
                self._start(child)

    def reap(self) -> None:
        """Collect every dead process, including inherited ones."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            for child in self.children:
                if child.pid == pid and child.alive:
                    self._died(child, os.waitstatus_to_exitcode(status))

    def end(self, child: Child, grace: float, wait: threading.Event) -> None:
        """Send SIGTERM, wait up to `grace` real seconds, then send SIGKILL to the whole group."""
        if child.alive and child.process is not None:
            _signal(child.pid, signal.SIGTERM)
            deadline = boot_seconds() + grace
            while child.alive and boot_seconds() < deadline:
                self.reap()
                wait.wait(0.05)
        self.kill(child)
        deadline = boot_seconds() + LAST_WAIT
        while child.alive and boot_seconds() < deadline:
            self.reap()
            wait.wait(0.02)

    def kill(self, child: Child) -> None:
        """Send SIGKILL to the whole group, also when it is stopped. It is restarted once it is reaped."""
        if child.pid:
            _signal_group(child.pid, signal.SIGKILL)

    def _start(self, child: Child) -> None:
        command = [sys.executable, "-I", str(TRAMPOLINE), str(os.getpid()), *child.command]
        try:
            child.process = subprocess.Popen(
                command,
                env=dict(child.environment),
                stdin=subprocess.DEVNULL,
                process_group=0,
                close_fds=True,
                pass_fds=child.inherits,
            )
        except (OSError, RuntimeError, MemoryError) as error:
            child.due = boot_seconds() + LAST_BACKOFF
            self.log(f"{child.name} could not be started ({getattr(error, 'strerror', None) or type(error).__name__})")
            return
        child.started = boot_seconds()
        self.log(f"{child.name} started, pid {child.pid}")

    def _died(self, child: Child, code: int) -> None:
        assert child.process is not None
        child.process.returncode = code
        _signal_group(child.pid, signal.SIGKILL)
        steady = boot_seconds() - child.started > STEADY
        child.backoff = FIRST_BACKOFF if steady else min(LAST_BACKOFF, child.backoff * 2)
        child.due = boot_seconds() + child.backoff
        self.log(f"{child.name} (pid {child.pid}) ended with {code}")
        self.on_death(child)


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _signal_group(pid: int, number: signal.Signals) -> None:
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        return
