"""A machine's disk in memory: as much of a `Path` as the record and the flags of the backend need.

Reads and writes are most of what a schedule costs on real files; that a replacement is atomic there is another test's.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Disk:
    """A folder (`name` empty) or a file in it; all of one disk share `files`."""

    name: str = ""
    files: dict[str, str] = field(default_factory=dict)

    def __truediv__(self, name: str) -> Disk:
        return Disk(name, self.files)

    def with_name(self, name: str) -> Disk:
        """A neighbour."""
        return Disk(name, self.files)

    def read_text(self, encoding: str = "utf-8") -> str:
        """FileNotFoundError when there is none."""
        try:
            return self.files[self.name]
        except KeyError:
            raise FileNotFoundError(self.name) from None

    def write_text(self, text: str, encoding: str = "utf-8") -> None:
        """Create it or write over it."""
        self.files[self.name] = text

    def replace(self, target: Disk) -> None:
        """Take the place of `target`."""
        self.files[target.name] = self.files.pop(self.name)

    def unlink(self, missing_ok: bool = False) -> None:
        """FileNotFoundError when there is none, unless that is fine."""
        if self.files.pop(self.name, None) is None and not missing_ok:
            raise FileNotFoundError(self.name)
