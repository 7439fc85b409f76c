"""Shared board: one page of memory for the guard and the app, with one half for each to write. Standard library only.

It is an anonymous file in memory, created by the guard and inherited by the app: it needs no disk space, no other
process can open it, and the last content stays readable after its writer has crashed. Each half contains one small JSON
object with a checksum, so that a partly updated one is never accepted.
"""

from __future__ import annotations

import json
import os
import tempfile
import zlib
from collections.abc import Mapping
from enum import IntEnum
from pathlib import Path
from typing import Any

HALF = 1024
VARIABLE = "ERT_BOARD"
_HEAD, _TRIES = 12, 50


class Half(IntEnum):
    """The writer of a half."""

    APP = 0
    GUARD = 1


class Board:
    """Both halves. `shared` is whether another process has access; `descriptor` is the file that it inherits."""

    def __init__(self, descriptor: int = -1) -> None:
        self.descriptor = descriptor
        self._own = [b"", b""]

    @classmethod
    def create(cls, *places: Path) -> Board:
        """Create the board in memory, or else as an unlinked file in the first of `places` that accepts it."""
        for make in (_in_memory, *(lambda place=place: _on_disk(place) for place in places)):
            try:
                return cls(make())
            except OSError:
                continue
        return cls()

    @classmethod
    def inherited(cls, given: str) -> Board:
        """Open the board of the inherited descriptor; a board local to this process when there is none."""
        try:
            descriptor = int(given)
            os.set_inheritable(descriptor, False)
            os.pread(descriptor, 1, 0)
        except (ValueError, OSError, OverflowError):
            return cls()
        return cls(descriptor)

    @property
    def shared(self) -> bool:
        """Whether another process has access to the board."""
        return self.descriptor >= 0

    def write(self, half: Half, word: Mapping[str, Any]) -> None:
        """Replace the content of `half`; raise OSError when it cannot be written, ValueError when it is too long."""
        text = json.dumps(word, separators=(",", ":")).encode()
        block = f"{zlib.crc32(text):08x}{len(text):04d}".encode() + text
        if len(block) > HALF:
            raise ValueError("the record does not fit")
        if self.descriptor >= 0:
            os.pwrite(self.descriptor, block, half * HALF)
        else:
            self._own[half] = block

    def read(self, half: Half) -> dict[str, Any] | None:
        """Return the content of `half`; None when it is empty or invalid."""
        for _ in range(_TRIES):
            try:
                block = self._own[half] if self.descriptor < 0 else os.pread(self.descriptor, HALF, half * HALF)
            except OSError:
                return None
            if not block.strip(b"\0"):
                return None
            if (word := _parsed(block)) is not None:
                return word
        return None


def _parsed(block: bytes) -> dict[str, Any] | None:
    try:
        text = block[_HEAD : _HEAD + int(block[8:_HEAD])]
        word = json.loads(text) if int(block[:8], 16) == zlib.crc32(text) else None
    except ValueError:
        return None
    return word if isinstance(word, dict) else None


def _in_memory() -> int:
    """Create an anonymous file in memory; raise OSError when the system does not support it."""
    if not hasattr(os, "memfd_create"):
        raise OSError("no unnamed files in memory")
    return _sized(os.memfd_create("ert-board"))


def _on_disk(place: Path) -> int:
    """Create an unlinked file in `place` with its space allocated, so that later writes need none."""
    with tempfile.TemporaryFile(dir=place) as file:
        file.write(bytes(2 * HALF))
        file.flush()
        return os.dup(file.fileno())


def _sized(descriptor: int) -> int:
    os.pwrite(descriptor, bytes(2 * HALF), 0)
    return descriptor
