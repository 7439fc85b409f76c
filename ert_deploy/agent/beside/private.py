"""Privacy of this process from others of its user: no ptrace, no memory, no environment in /proc. Linux only.

Executing a program takes it back. A fork keeps it.
"""

from __future__ import annotations

import ctypes
import os
import signal
from pathlib import Path

PR_SET_PDEATHSIG, PR_SET_DUMPABLE = 1, 4
ENV_START = 47  # in /proc/PID/stat, counted from the field after the name; the end is the next one


def be_private() -> None:
    """Have the kernel refuse this process's memory and files in /proc to all but itself and root. Raises OSError."""
    _prctl(PR_SET_DUMPABLE, 0)


def end_with(parent: int) -> None:
    """Get a SIGTERM as soon as the parent exits, also if that has happened. Raises OSError."""
    _prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGTERM)


def take_environ() -> dict[str, str]:
    """Return the environment, empty it, and overwrite the place from which /proc reads it. Raises OSError."""
    taken = dict(os.environ)
    os.environ.clear()
    fields = Path("/proc/self/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    start, end = int(fields[ENV_START]), int(fields[ENV_START + 1])
    if start:
        ctypes.memset(start, 0, end - start)
    return taken


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(ctypes.c_int(option), *(ctypes.c_ulong(word) for word in (value, 0, 0, 0))) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
