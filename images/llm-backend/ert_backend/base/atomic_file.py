"""A small file that is there whole or not at all, also after the power went."""

from __future__ import annotations

import os
from pathlib import Path


def keep_file(path: Path, content: bytes) -> None:
    """Write with mode 0600 from the first byte, whole or not at all; OSError as it comes."""
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
    """A rename is on the disk when its folder is."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
