"""Process leases: determine which process owns a job when two processes use one store.

A platform starts the new dashboard before it stops the old one. Each process locks a file named after its owner id; the
kernel releases the lock when the process exits for any reason, and only then can its unfinished jobs be adopted.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from pathlib import Path

_TRIES = 20


class Lease:
    """Lock of this process, held from construction to `close()`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._handle: int | None = None
        for _ in range(_TRIES):
            self.owner = secrets.token_hex(8)
            self._handle = self._take()
            if self._handle is not None:
                break
        else:
            raise OSError(f"cannot hold a lock file in {folder}")
        self._sweep()

    def _take(self) -> int | None:
        """Create and lock the file; return None if another process swept it between the two steps."""
        path = self._path(self.owner)
        handle = _lock(path, create=True)
        if handle is not None and not (path.exists() and path.stat().st_ino == os.fstat(handle).st_ino):
            os.close(handle)
            return None
        return handle

    def _sweep(self) -> None:
        """Remove the files of processes that exited without cleanup."""
        for path in self._folder.glob("*.lock"):
            self.is_gone(path.stem)

    def is_gone(self, owner: str) -> bool:
        """Return True if no running process holds the lock of `owner`, and remove its file."""
        if owner == self.owner:
            return False
        path = self._path(owner)
        if not path.exists():
            return True
        handle = _lock(path, create=False)
        if handle is None:
            return not path.exists()
        path.unlink(missing_ok=True)
        os.close(handle)
        return True

    def close(self) -> None:
        """Release the lock; other processes can then adopt the unfinished jobs."""
        if self._handle is not None:
            self._path(self.owner).unlink(missing_ok=True)
            os.close(self._handle)
            self._handle = None

    def _path(self, owner: str) -> Path:
        return self._folder / f"{owner}.lock"


def _lock(path: Path, *, create: bool) -> int | None:
    flags = os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if create else 0)
    try:
        handle = os.open(path, flags, 0o600)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    return handle
