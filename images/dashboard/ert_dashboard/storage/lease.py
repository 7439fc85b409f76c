"""Which process a report belongs to, when two of them share one store.

A platform starts the new dashboard before it stops the old one. Each process holds a lock file named after itself; the
kernel drops the lock when the process dies, however it dies, and only then may its unfinished reports be taken over.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from pathlib import Path

_TRIES = 20


class Lease:
    """This process's own lock, held from construction to `close()`."""

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
        """Make and lock our file; None if a sweeping neighbour had it in hand between the two."""
        path = self._path(self.owner)
        handle = _lock(path, create=True)
        if handle is not None and not (path.exists() and path.stat().st_ino == os.fstat(handle).st_ino):
            os.close(handle)
            return None
        return handle

    def _sweep(self) -> None:
        """Remove the files of processes that ended without doing it themselves."""
        for path in self._folder.glob("*.lock"):
            self.is_gone(path.stem)

    def is_gone(self, owner: str) -> bool:
        """True if no living process holds `owner`'s lock (its file is then removed)."""
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
        """Give the lock back; what is unfinished may be adopted from now on."""
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
