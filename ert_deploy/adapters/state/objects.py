"""Port of a store of small objects with conditional writes, on which the state and its lock are built. No I/O.

A write is sent once; after one without a response the caller reads the object back, whose random mark tells whether it
was this write that took effect.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ert_deploy.core.model.stored import StoredVersion
from ert_deploy.ports import Clock

ATTEMPTS = 4


class Unmet(Exception):
    """The condition of a write was not met, or its object does not exist."""


class NoAnswer(Exception):
    """It is unknown whether the call was executed."""


@dataclass(frozen=True, slots=True)
class Found:
    """An object: its content, the tag of this version of it, and the mark of its writer."""

    body: bytes
    etag: str
    mark: str


class Objects(Protocol):
    """Store of objects by key. `service` is its name in messages.

    `always_conditional`: its own transactions enforce the conditions; a store without it is tested on the lock.
    """

    service: str
    always_conditional: bool
    clock: Clock

    def where(self, key: str) -> str:
        """Return the location of an object, for messages; it contains no secret."""
        ...

    def get(self, key: str) -> Found | None:
        """Return an object; None if the store reports that it does not exist. Raise `CannotObserve` or `UsageError`."""
        ...

    def put(self, key: str, body: bytes, etag: str | None, mark: str) -> str:
        """Write once, if the object has that tag or (None) does not exist, and return the new tag.

        Raises `Unmet`, `NoAnswer` or `UsageError`.
        """
        ...

    def delete(self, key: str, etag: str) -> None:
        """Delete once, if the object has that tag. Raise `Unmet`, `NoAnswer` or `UsageError`."""
        ...

    def versions(self, key: str) -> tuple[StoredVersion, ...]:
        """Return all versions of a key, newest first. Raise `CannotObserve` or `UsageError`."""
        ...

    def must_keep_versions(self) -> None:
        """Raise `UsageError` if an object that was deleted could not be restored; called before the first write."""
        ...
