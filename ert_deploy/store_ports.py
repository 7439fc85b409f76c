"""Ports for stored data: the state of a deployment, keys of apps whose host does not show them, images, the clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from ert_deploy.core.launching.manifest import Manifest
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.model.state import State
from ert_deploy.core.model.stored import LockHolder, StoredVersion


class KeyCustody(Protocol):
    """Keeps what the apps were given, above all their keys, for a web host that does not show it."""

    def kept(self, service_id: str) -> Mapping[str, Secret]:
        """The variables that are kept for a service, none where there are none. UsageError: not safe, or unreadable."""

    def keep(self, service_id: str, values: Mapping[str, Secret]) -> None:
        """Replace all that is kept for a service, durably, or forget it where there is none. Failed, UsageError."""


class Registries(Protocol):
    """Registry from which a rented machine pulls, read without a login. Best effort: neither method raises."""

    def image(self, image: str) -> Manifest:
        """Return the manifest of a container image."""

    def model(self, model: str) -> Manifest:
        """Return the manifest of a model of the model server."""


class StateStore(Protocol):
    """Store of one deployment's state; every write is conditional on the generation that was read."""

    def load(self) -> State:
        """Return the stored state, or an empty one of generation 0. Raises UsageError if it is corrupt or newer."""

    def save(self, state: State) -> State:
        """Durably replace the generation of `state` and return it with the next one. Raises StateConflict."""

    def lock(self, run_id: str) -> AbstractContextManager[None]:
        """Take the advisory lock of the state. Raises Busy with the name and time of the owner."""


class StateKeeper(StateStore, Protocol):
    """State store with operations for maintenance. Raises the errors of a store; Busy if the lock is held."""

    @property
    def where(self) -> str:
        """Location of the state, for messages."""

    def unwritable(self) -> str:
        """Return why it cannot be written, without a write; empty if it can, or if only a write can tell."""

    def hold(self, run_id: str, seconds: float) -> LockHolder:
        """Hold the lock for `seconds`, even after this process has exited."""

    def holder(self) -> LockHolder | None:
        """Return the current holder of the lock, or None."""

    def unlock(self) -> LockHolder | None:
        """Release the lock of any process; return the former holder."""

    def set_aside(self) -> str:
        """Move the stored data aside without reading it; return the new location, or "" if there was none."""

    def history(self) -> tuple[StoredVersion, ...]:
        """Return the retained versions, newest first."""


class NoticeMemory(Protocol):
    """Remembers, by their keys, the conditions of a deployment of which a notice was sent."""

    def change(self, change: Callable[[frozenset[str]], frozenset[str]]) -> frozenset[str]:
        """Replace the keys by what `change` makes of them, atomically, and return those of before.

        `change` may be called more than once. Raises the errors of a store.
        """


class Clock(Protocol):
    """Clock and sleep. `zone` is how a date of it is marked."""

    @property
    def zone(self) -> str: ...

    def now(self) -> float:
        """Return the Unix time in seconds, by a clock that can be changed."""

    def steady(self) -> float:
        """Return seconds by a monotonic clock that also advances while the machine sleeps."""

    def sleep(self, seconds: float) -> None:
        """Wait for `seconds`."""
