"""In-memory disk: the part of `Path` that the claim record uses. It may be full or read-only.

With real files, reads and writes would take most of the time of a schedule.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass, field


@dataclass
class Trouble:
    """The faults of a disk: `full`: a write that needs space fails; `dead`: every write fails."""

    full: bool = False
    dead: bool = False


@dataclass(frozen=True)
class Disk:
    """A folder (`name` empty) or a file in it; all paths of one disk share `files` and `trouble`."""

    name: str = ""
    files: dict[str, str] = field(default_factory=dict)
    trouble: Trouble = field(default_factory=Trouble)

    def __truediv__(self, name: str) -> Disk:
        return Disk(name, self.files, self.trouble)

    def exists(self) -> bool:
        """Whether the file exists."""
        return self.name in self.files

    def read_text(self, encoding: str = "utf-8") -> str:
        """Return the content; raise FileNotFoundError when the file does not exist."""
        try:
            return self.files[self.name]
        except KeyError:
            raise FileNotFoundError(self.name) from None

    def read_bytes(self) -> bytes:
        """Return the content as bytes; raise FileNotFoundError when the file does not exist."""
        return self.read_text().encode()

    def open(self, mode: str, buffering: int = -1) -> Writing:
        """Open an existing file (`r+b`) or create one (`xb`, empty on a full disk); raise OSError on failure."""
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
        """Do nothing: writes are unbuffered."""

    def write(self, data: bytes) -> int:
        """Write from the start of the file; raise OSError when the data does not fit."""
        old = self.disk.files[self.disk.name]
        if self.disk.trouble.full and len(data) > len(old):
            raise OSError(errno.ENOSPC, "No space left on device")
        self.disk.files[self.disk.name] = data.decode() + old[len(data) :]
        return len(data)
