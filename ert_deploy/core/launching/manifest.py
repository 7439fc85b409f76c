"""Manifest of a container image or a model, as its registry returns it without a login."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ert_deploy.core.model.text import printable

PLATFORM = "linux/amd64"  # of the GPU machines
GUARD = "ert_backend.guard"  # the module that the container of a backend starts, in its entry point or command
LABEL = "ert.backend.contract"  # of the image: which variables it takes and which responses it gives
LONGEST = 4000  # characters of an entry point with its command; of a longer one nothing is known
UNPACKED = 4.0  # times the size of its download that an image may need on a disk, kept packed and unpacked
CONTRACT = "1"  # the value that this release knows; older images have no label


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
    empty if unknown. `program` is the entry point with the command of an image, "" if it has none; None if unknown.
    `contract` is the value of its `LABEL`, "" without one, and `ports` are those that it exposes, such as `80/tcp`.
    """

    access: Access
    detail: str = ""
    platforms: tuple[str, ...] = ()
    layers: tuple[int, ...] = ()
    program: str | None = None
    contract: str = ""
    ports: tuple[str, ...] = ()

    @property
    def runs_here(self) -> bool:
        """Whether a GPU machine can run it, by its registry."""
        return not self.platforms or PLATFORM in self.platforms

    @property
    def pullable(self) -> bool:
        """Whether any host can pull it, by its registry."""
        return self.access is Access.FOUND and self.runs_here

    @property
    def backend(self) -> bool | None:
        """Whether it is the backend; None if unknown, also for one that is built on it and starts otherwise."""
        if self.program is None or (self.contract and GUARD not in self.program):
            return None
        return GUARD in self.program

    @property
    def starts_backend(self) -> bool:
        """Whether its container is known to start the backend; one of a registry that is not read counts as such."""
        return self.access is Access.UNASKED or self.backend is True

    @property
    def gb(self) -> float:
        """The size of the download in GB (10^9 bytes)."""
        return sum(self.layers) / 1e9

    @property
    def unpacked_gb(self) -> float:
        """The most that it may need on a disk in GB (10^9 bytes); 0 if unknown."""
        return UNPACKED * self.gb


UNASKED = Manifest(Access.UNASKED)


def container_fields(made: Any) -> dict[str, Any]:
    """Return what a configuration tells of the container, as fields of a manifest; none if it is not as specified.

    A runtime runs the entry point and the command as one list of arguments.
    """
    if made is not None and not isinstance(made, dict):
        return {}
    named = made or {}
    kinds = (("Entrypoint", list), ("Cmd", list), ("Labels", dict), ("ExposedPorts", dict))
    if any(not isinstance(named.get(name), kind | None) for name, kind in kinds):
        return {}
    text = " ".join(map(str, [*(named.get("Entrypoint") or ()), *(named.get("Cmd") or ())]))
    if len(text) > LONGEST:
        return {}
    return {
        "program": printable(text, LONGEST),
        "contract": printable((named.get("Labels") or {}).get(LABEL) or "", 20),
        "ports": tuple(sorted(printable(port, 20) for port in named.get("ExposedPorts") or ())),
    }
