"""A machine's disk in memory: as much of a `Path` as the record of a claim needs. It may be full, or dead to writes.

Reads and writes are most of what a schedule costs on real files.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass, field


@dataclass
class Trouble:
    """What the disk does not take: `full`: anything that needs room; `dead`: any write at all."""

    full: bool = False
    dead: bool = False


@dataclass(frozen=True)
class Disk:
    """A folder (`name` empty) or a file in it; all of one disk share `files` and `trouble`."""

    name: str = ""
    files: dict[str, str] = field(default_factory=dict)
    trouble: Trouble = field(default_factory=Trouble)

    def __truediv__(self, name: str) -> Disk:
        return Disk(name, self.files, self.trouble)

    def exists(self) -> bool:
        """Whether there is such a file."""
        return self.name in self.files

    def read_text(self, encoding: str = "utf-8") -> str:
        """FileNotFoundError when there is none."""
        try:
            return self.files[self.name]
        except KeyError:
            raise FileNotFoundError(self.name) from None

    def open(self, mode: str, buffering: int = -1) -> Writing:
        """Unbuffered: over a file that is there (`r+b`), or a new one (`xb`), which stays empty on a full disk."""
        assert buffering == 0
        if self.trouble.dead:
            raise OSError(errno.EROFS, "Read-only file system")
        if (mode == "xb") == self.exists():
            raise FileExistsError(self.name) if self.exists() else FileNotFoundError(self.name)
        if mode == "xb":
            self.files[self.name] = ""
        return Writing(self)


@dataclass(frozen=True)
class Writing:
    """An open file."""

    disk: Disk

    def __enter__(self) -> Writing:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is buffered."""

    def write(self, data: bytes) -> int:
        """From the beginning; OSError for what does not fit."""
        old = self.disk.files[self.disk.name]
        if self.disk.trouble.full and len(data) > len(old):
            raise OSError(errno.ENOSPC, "No space left on device")
        self.disk.files[self.disk.name] = data.decode() + old[len(data) :]
        return len(data)
