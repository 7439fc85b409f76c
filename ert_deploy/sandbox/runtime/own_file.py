"""File check: reads a file of a directory that may be from a cloned repository or owned by another user."""

from __future__ import annotations

import os
import stat
from pathlib import Path

MOST_BYTES = 1 << 20


def own_text(path: Path) -> str:
    """Return the text of a regular file of this user; never blocks on a pipe. Raises `OSError` or `ValueError`."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, encoding="utf-8") as file:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode) or about.st_uid != os.geteuid():
            raise ValueError("it is no plain file of this user")
        return file.read(MOST_BYTES)
