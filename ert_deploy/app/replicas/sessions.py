"""Sessions of the replicas: each has its own names and its own part of the state, and everything else is shared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import TypeVar

from ert_deploy.core.model.desired import Desired
from ert_deploy.core.model.errors import UsageError
from ert_deploy.core.model.observed import Instance
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.replica import one_replica, replica_of
from ert_deploy.core.model.state import State
from ert_deploy.core.planning.replicas.others import marked
from ert_deploy.engine.effects import Effects
from ert_deploy.engine.fleet.document import Document
from ert_deploy.engine.run import carried_out
from ert_deploy.ports import StateStore
from ert_deploy.wiring import Session

T = TypeVar("T")


class StatePart:
    """State of one replica, as a store of its own in the document of all."""

    def __init__(self, store: StateStore, replica: int) -> None:
        self._store, self._replica, self._document = store, replica, Document()

    def load(self) -> State:
        """Return the part, an empty one if there is none. Raises as the store does."""
        return self._carried_out(self._document.load(self._replica))

    def save(self, state: State) -> State:
        """Replace the part that was loaded last. Raises StateConflict if it is another one, and as the store does."""
        return self._carried_out(self._document.save(self._replica, state))

    def lock(self, run_id: str) -> AbstractContextManager[None]:
        """Take the lock of all replicas."""
        return self._store.lock(run_id)

    def _carried_out(self, effects: Effects[T]) -> T:
        """Execute the effects on the store of the document."""
        return carried_out(effects, {StateStore.load: self._store.load, StateStore.save: self._store.save})


def of_replica(session: Session, replica: int) -> Session:
    """Return the session of one replica; the first one of a single machine is the session itself."""
    desired = one_replica(session.desired, replica)
    if desired is session.desired:
        return session
    return replace(
        session, desired=desired, ports=replace(session.ports, store=StatePart(session.ports.store, replica))
    )


def must_be_one(desired: Desired, replica: int) -> None:
    """Raise UsageError for a number that is none of the replicas of the config."""
    if not 1 <= replica <= desired.replicas:
        there = "there is replica 1 alone" if desired.replicas == 1 else f"there are replicas 1 to {desired.replicas}"
        raise UsageError(f"{desired.deployment} has no replica {replica}", hint=there)


def of_which(session: Session, instance: Instance) -> str:
    """Return which replica an instance is, for a message; empty for that of a single machine."""
    if session.desired.replicas == 1:
        return ""
    return f"replica {next(numbers_of(instance, session.desired.deployment), 1)} is used: instance {instance.id}"


def others(desired: Desired, document: State, listed: Iterable[Instance] = ()) -> Iterator[int]:
    """Yield the numbers of the replicas from the second on: of the config, the state, and the marks that are listed."""
    stored = (replica_of(one.deployment)[1] for one in document.replicas)
    found = (number for one in listed for number in marked(desired, one))
    yield from sorted({*range(2, desired.replicas + 1), *stored, *found} - {1})


def numbers_of(instance: Instance, deployment: str) -> Iterator[int]:
    """Yield the replicas of a deployment that label or environment of an instance name."""
    for name in (instance.claims, instance.born.deployment if instance.born is not None else ""):
        of, number = replica_of(name or "")
        if of == deployment:
            yield number


def bearing(session: Session, instance_id: InstanceId) -> Session:
    """Return the session of the replica whose state or marks name the instance; of the first where none does."""
    document = session.ports.store.load()
    for state in (document, *document.replicas):
        if instance_id in {*(one.id for one in state.records), *(one.id for one in state.tombstones)}:
            return of_replica(session, replica_of(state.deployment)[1])
    found = (one for one in session.ports.gpu.list_instances() if one.id == instance_id)
    named = [number for one in found for number in numbers_of(one, session.desired.deployment)]
    return of_replica(session, named[0] if named else 1)
