"""Port of a store of small objects with conditional writes, on which the state and its lock are built.

A write is sent once; after one without a response the caller reads the object back, whose random mark tells whether it
was this write that took effect.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

import tenacity

from ert_deploy.core.model.errors import CannotObserve
from ert_deploy.core.model.stored import StoredVersion
from ert_deploy.ports import Clock

T = TypeVar("T")
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


def repeated(what: str, call: Callable[[], T], clock: Clock, hint: str) -> T:
    """Repeat a read that got no answer, at growing intervals; raise `CannotObserve` with the hint after the last."""
    retrying = tenacity.Retrying(
        sleep=clock.sleep,
        stop=tenacity.stop_after_attempt(ATTEMPTS),
        wait=tenacity.wait_random_exponential(multiplier=0.5, max=8),
        retry=tenacity.retry_if_exception_type(NoAnswer),
        reraise=True,
    )
    try:
        found: T = retrying(call)
    except NoAnswer as error:
        raise CannotObserve(f"cannot {what}", str(error), hint) from None
    return found
