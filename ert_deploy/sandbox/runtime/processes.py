"""Process records: check whether a recorded process is still running, and terminate those left over from a crash.

A `pid` may have been reused by an unrelated process. So every record also contains the kernel's start time, and a
signal is only sent when both match. Records are lists of `{"pid": int, "start_time": int, ...}` in files named
`*processes*.json` in a given directory or one level below.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ert_deploy.sandbox.runtime.clock import WorldClock
from ert_deploy.sandbox.runtime.own_file import own_text

PATIENCE = 5.0
PROC = Path("/proc/self/stat")
_real = WorldClock()


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """A process: `start_time` is in clock ticks since boot (field 22 of `/proc/PID/stat`), or 0 without `/proc`."""

    pid: int
    start_time: int

    @classmethod
    def of(cls, pid: int) -> ProcessIdentity:
        """Return the identity of a running process."""
        return cls(pid, _stat(pid)[1])

    def alive(self) -> bool:
        """Whether exactly this process is running; one that waits to be reaped is not.

        An identity without a start time is only trusted where there is no `/proc`: a file may contain any `pid`.
        """
        state, started = _stat(self.pid)
        if self.start_time or PROC.exists():
            return 0 < self.start_time == started and state not in ("Z", "X")
        return self.pid > 0 and _answers(self.pid)


def _stat(pid: int) -> tuple[str, int]:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return "", 0
    return fields[0], int(fields[19])


def _answers(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def recorded(directory: Path) -> list[ProcessIdentity]:
    """Return the identities of all records; unreadable ones and those without a start time are ignored."""
    return [process for path in _record_files(directory) for process in _identities(path) if process.start_time]


def _record_files(directory: Path) -> Iterator[Path]:
    for pattern in ("*processes*.json", "*/*processes*.json"):
        yield from sorted(directory.glob(pattern))


def _identities(path: Path) -> Iterator[ProcessIdentity]:
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        for row in json.loads(own_text(path)):
            yield ProcessIdentity(int(row["pid"]), int(row["start_time"]))


def end_processes(processes: list[ProcessIdentity], patience: float = PATIENCE) -> list[ProcessIdentity]:
    """Send SIGTERM, then SIGKILL after `patience` seconds, to each process that is still running; return them.

    The leader of a process group is signalled with its group, because its children have no records.
    """
    alive = [process for process in processes if process.alive()]
    for number in (signal.SIGTERM, signal.SIGKILL):
        for process in alive:
            if process.alive():
                _signal(process.pid, number)
        deadline = time.monotonic() + patience
        while any(process.alive() for process in alive) and time.monotonic() < deadline:
            _real.sleep(0.02)
    return alive


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if os.getpgid(pid) == pid and pid != os.getpid():
            os.killpg(pid, number)
        else:
            os.kill(pid, number)
