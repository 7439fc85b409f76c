"""A page of memory that the guard and the app share, one half for each to write. Standard library only.

It is an unnamed file in memory that the guard makes and the app inherits: no folder can be full under it, nobody else
finds it, and what was written last is there to be read whatever became of the writer. Each half holds one small JSON
object with a checksum, so that a reader never takes half of the old and half of the new for a word.
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
    """Who writes it."""

    APP = 0
    GUARD = 1


class Board:
    """Both halves. `shared`: another process can see them; `descriptor` is what it inherits."""

    def __init__(self, descriptor: int = -1) -> None:
        self.descriptor = descriptor
        self._own = [b"", b""]

    @classmethod
    def create(cls, *places: Path) -> Board:
        """In memory; where the system has no such file, unnamed in the first of `places` that takes it."""
        for make in (_in_memory, *(lambda place=place: _on_disk(place) for place in places)):
            try:
                return cls(make())
            except OSError:
                continue
        return cls()

    @classmethod
    def inherited(cls, given: str) -> Board:
        """The one whose descriptor was handed down; of this process alone where none was."""
        try:
            descriptor = int(given)
            os.set_inheritable(descriptor, False)
            os.pread(descriptor, 1, 0)
        except (ValueError, OSError, OverflowError):
            return cls()
        return cls(descriptor)

    @property
    def shared(self) -> bool:
        """Whether it is more than this process' own."""
        return self.descriptor >= 0

    def write(self, half: Half, word: Mapping[str, Any]) -> None:
        """Replace what this half says. OSError as it comes; ValueError when it does not fit."""
        text = json.dumps(word, separators=(",", ":")).encode()
        block = f"{zlib.crc32(text):08x}{len(text):04d}".encode() + text
        if len(block) > HALF:
            raise ValueError("the word does not fit")
        if self.descriptor >= 0:
            os.pwrite(self.descriptor, block, half * HALF)
        else:
            self._own[half] = block

    def read(self, half: Half) -> dict[str, Any] | None:
        """What this half says; None when it says nothing that can be read."""
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
    """OSError where the system has no unnamed files in memory."""
    if not hasattr(os, "memfd_create"):
        raise OSError("no unnamed files in memory")
    return _sized(os.memfd_create("ert-board"))


def _on_disk(place: Path) -> int:
    """Its room is taken now: writing over it needs no more."""
    with tempfile.TemporaryFile(dir=place) as file:
        file.write(bytes(2 * HALF))
        file.flush()
        return os.dup(file.fileno())


def _sized(descriptor: int) -> int:
    os.pwrite(descriptor, bytes(2 * HALF), 0)
    return descriptor
