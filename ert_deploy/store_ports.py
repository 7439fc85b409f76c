"""Ports for stored data: state and ledger of a deployment, keys of apps, images, statements; and the clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Protocol, runtime_checkable

from ert_deploy.core.launching.manifest import Manifest
from ert_deploy.core.ledger.model import Ledger
from ert_deploy.core.ledger.statement import Item
from ert_deploy.core.model.observed import Address
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.model.state import State
from ert_deploy.core.model.stored import LockHolder, StoredVersion
from ert_deploy.core.notices.increase import PriceIncrease


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


class LedgerStore(Protocol):
    """Store of one deployment's ledger; every write is conditional on the generation that was read."""

    @property
    def where(self) -> str:
        """Location of the ledger, for messages."""

    def load(self) -> Ledger:
        """Return the stored ledger, or an empty one. Raises UsageError if it is corrupt or newer, CannotObserve."""

    def save(self, ledger: Ledger) -> Ledger:
        """Durably replace that generation and return it with the next one. Raises StateConflict or Failed."""


@runtime_checkable
class Statements(Protocol):
    """Statement of a provider: what it has charged for its machines. It may be late, rounded and repeated."""

    def charges(self, first: float, last: float) -> tuple[Item, ...] | None:
        """Return all items between two times; None if the key may not read them. Raises CannotObserve."""


@runtime_checkable
class PriceIncreases(Protocol):
    """Offers of hosts to prolong a contract at a higher price. Nothing accepts one."""

    def price_increases(self) -> tuple[PriceIncrease, ...] | None:
        """Return the open ones; None if there are none to read, or the key may not. Raises CannotObserve."""


@runtime_checkable
class BudgetKeeper(Protocol):
    """Guards of machines, which keep what they may spend."""

    def set_budget(self, address: Address, certificate: str, boot_secret: Secret, seconds: int, serial: int) -> None:
        """Set for how long a machine may run from now on. Raises Rejected, Transient or NeedsAttention."""


@runtime_checkable
class AwakeKeeper(Protocol):
    """Guards of machines, which let the idle time begin again on request."""

    def keep_awake(self, address: Address, certificate: str, boot_secret: Secret, limits: tuple[int, int, int]) -> None:
        """Begin the idle time of a machine with these limits again. Raises Rejected, Transient or NeedsAttention."""


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
