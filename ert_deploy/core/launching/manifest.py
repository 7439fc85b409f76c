"""Manifest of a container image or a model, as its registry returns it without a login."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

PLATFORM = "linux/amd64"  # of the GPU machines


class Access(StrEnum):
    """Response to a name: it exists, no such tag, not returned without a login, not read, or not asked."""

    FOUND = "found"
    MISSING = "missing"
    WITHHELD = "withheld"
    UNREAD = "unread"
    UNASKED = "unasked"


@dataclass(frozen=True, slots=True)
class Manifest:
    """Response of a registry about one name.

    `detail` is its message, or why it could not be read. `platforms` are those for which it exists, such as
    `linux/arm64`; empty if unknown. `layers` are the bytes to download for `PLATFORM`, in the order of the manifest;
    empty if unknown.
    """

    access: Access
    detail: str = ""
    platforms: tuple[str, ...] = ()
    layers: tuple[int, ...] = ()

    @property
    def runs_here(self) -> bool:
        """Whether a GPU machine can run it, by its registry."""
        return not self.platforms or PLATFORM in self.platforms

    @property
    def pullable(self) -> bool:
        """Whether any host can pull it, by its registry."""
        return self.access is Access.FOUND and self.runs_here

    @property
    def gb(self) -> float:
        """The size of the download in GB (10^9 bytes)."""
        return sum(self.layers) / 1e9


UNASKED = Manifest(Access.UNASKED)
