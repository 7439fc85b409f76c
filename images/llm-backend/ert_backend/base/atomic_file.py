"""Atomic file write: a small file is replaced as a whole or left unchanged, also on a power failure."""

from __future__ import annotations

import os
from pathlib import Path


def keep_file(path: Path, content: bytes) -> None:
    """Write the file atomically, with mode 0600 from the first byte; raise OSError when it cannot be written."""
    scratch = path.with_name(f".{path.name}.new")
    scratch.unlink(missing_ok=True)
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    scratch.replace(path)
    _settle(path.parent)


def _settle(folder: Path) -> None:
    """Sync the directory: a rename is durable once its directory is."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
