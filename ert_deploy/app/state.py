"""`state`: maintenance of state and lock. Only `rebuild` calls a provider."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from ert_deploy.adapters.state.document import moment, spoken
from ert_deploy.app.deployment import SILENT, Config, Progress, new_run_id, opened
from ert_deploy.app.outcome import Doubts
from ert_deploy.app.replicas.sessions import numbers_of
from ert_deploy.core.model.errors import Damaged, UsageError
from ert_deploy.core.model.observed import Instance
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.replica import one_replica
from ert_deploy.core.model.state import State
from ert_deploy.core.model.stored import LockHolder, StoredVersion
from ert_deploy.core.planning.accounts import unbound
from ert_deploy.core.planning.adoption import rebuilt
from ert_deploy.core.planning.marks import Ownership, sort_out
from ert_deploy.wiring import Session

__all__ = [
    "History", "Locked", "Rebuilt", "Signed", "Stored", "Unlocked", "history", "lock", "moment", "rebuild", "show",
    "sign", "spoken", "unlock",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Stored:
    """The stored state, the location, and the owner of the lock; `zone` marks the times, as it does below."""

    where: str
    state: State
    holder: LockHolder | None
    zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Locked:
    """A lock that was taken: location and owner."""

    where: str
    holder: LockHolder
    zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Unlocked:
    """The owner of the lock, None if it was free; and the one from which it was removed, None if it was not."""

    where: str
    holder: LockHolder | None
    ended: LockHolder | None
    zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class History:
    """The retained versions, newest first."""

    where: str
    versions: tuple[StoredVersion, ...]


@dataclass(frozen=True, slots=True)
class Signed:
    """Result of signing: whether it was done, and `why` the state was not accepted before.

    `stored`: a state exists.
    """

    where: str
    changed: bool
    stored: bool
    why: str


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """The current state, and the location of the invalid one. `rebuilt`: it is a new one.

    `undecided` are the instances without a certain owner, each with the reason; they are not in the state.
    """

    where: str
    state: State
    rebuilt: bool
    set_aside: str
    undecided: Doubts
    others: tuple[InstanceId, ...]


def show(config: Config = None) -> Stored:
    """Return the stored state and the owner of the lock. Raises UsageError, `Damaged`, and the errors of the store."""
    deployment = opened(config)
    store = deployment.keeper()
    return Stored(store.where, store.load(), store.holder(), deployment.zone)


def lock(config: Config = None, *, seconds: float) -> Locked:
    """Prevent all runs for `seconds`. Raises `Busy` if a run holds the lock, and the errors of the store."""
    deployment = opened(config)
    store = deployment.keeper()
    return Locked(store.where, store.hold(new_run_id(), seconds), deployment.zone)


def unlock(config: Config = None, *, confirm: Callable[[str], bool]) -> Unlocked:
    """Release the lock of any process once `confirm` agrees, given its owner. Raises the errors of the store."""
    deployment = opened(config)
    store = deployment.keeper()
    holder = store.holder()
    taken = holder is not None and confirm(spoken(holder, deployment.zone))
    return Unlocked(store.where, holder, store.unlock() if taken else None, deployment.zone)


def history(config: Config = None) -> History:
    """Return the stored versions, newest first; a file store only has invalid ones. Raises as the store does."""
    store = opened(config).keeper()
    return History(store.where, store.history())


def sign(config: Config = None, *, remove: bool = False, confirm: Callable[[str, State], bool]) -> Signed:
    """Sign the stored state with the key in ERT_STATE_KEY, or with `remove` store it without a signature.

    `confirm` receives the reason why the state is not accepted (or the location), and the state, whose author is
    unverified. Raises UsageError without the key, `Busy`, and the errors of the store.
    """
    deployment = opened(config)
    store = deployment.keeper(signing=True, remove=remove)
    done, why = False, ""
    with store.lock(new_run_id()):
        try:
            deployment.keeper().load()
        except Damaged as error:
            why = error.summary
        state = store.load()
        if state.generation and (remove or why) and confirm(why or store.where, state):
            store.save(state)
            done = True
    return Signed(store.where, done, bool(state.generation), why)


def rebuild(config: Config = None, *, progress: Progress = SILENT) -> Rebuilt:
    """Rename an invalid state and write a new one from the existing marked instances. No data is lost.

    Raises UsageError for a newer state or that of another deployment, `Busy`, and CannotObserve if the instances cannot
    be listed; no change is made in these cases.
    """
    deployment = opened(config)
    if not deployment.sandbox_runs():
        raise UsageError("the sandbox is not running, so there is nothing to list", hint="`ert-deploy sandbox start`")
    store = deployment.keeper()
    session = deployment.session(progress, web=False)
    with store.lock(new_run_id()):
        listed = session.ports.gpu.list_instances()
        placed, *further = (_placed(session, number, listed) for number in (1, *_marked(session, listed)))
        aside, whole = "", None
        try:
            whole = store.load()
        except Damaged as error:
            progress.note(error.summary)
            aside = store.set_aside()
        state = whole
        if state is None or unbound(state):
            now = session.ports.clock.now()
            parts = (replace(rebuilt(_name(one), one.ours, now), generation=1) for one in further)
            made = replace(rebuilt(session.desired.deployment, placed.ours, now), replicas=tuple(parts))
            kept = state or made
            state = store.save(replace(made, generation=kept.generation, history=kept.history))
    new = state is not whole
    doubts = tuple((u.instance.id, u.why) for one in (placed, *further) for u in one.undecided) if new else ()
    return Rebuilt(store.where, state, new, aside, doubts, tuple(i.id for i in placed.others))


def _name(placed: Ownership) -> str:
    """Return the name that the instances of one replica bear."""
    mark = placed.ours[0].mark
    assert mark is not None, "those that are placed have their mark"
    return mark.deployment


def _marked(session: Session, listed: tuple[Instance, ...]) -> list[int]:
    """Return the numbers of the further replicas with an instance of this owner."""
    marked = {number for one in listed for number in numbers_of(one, session.desired.deployment)} - {1}
    return [number for number in sorted(marked) if _placed(session, number, listed).ours]


def _placed(session: Session, replica: int, listed: tuple[Instance, ...]) -> Ownership:
    """Sort all instances by owner as one replica does, without a state and without reading Render."""
    desired = one_replica(session.desired, replica)
    return sort_out(desired, listed, State(desired.deployment), desired.services)
