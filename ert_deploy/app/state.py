"""`state`: look after the stored state and its lock. Only `rebuild` talks to a provider."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ert_deploy.adapters.state.document import moment, spoken
from ert_deploy.app.deployment import SILENT, Config, Progress, new_run_id, opened
from ert_deploy.app.outcome import Doubts
from ert_deploy.core.model.errors import Damaged, UsageError
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.state import State
from ert_deploy.core.model.stored import LockHolder, StoredVersion
from ert_deploy.core.planning.adoption import rebuilt
from ert_deploy.core.planning.marks import Ownership, sort_out
from ert_deploy.wiring import Session

__all__ = [
    "History", "Locked", "Rebuilt", "Signed", "Stored", "Unlocked", "history", "lock", "moment", "rebuild", "show",
    "sign", "spoken", "unlock",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Stored:
    """What is stored, where, and who holds the lock."""

    where: str
    state: State
    holder: LockHolder | None


@dataclass(frozen=True, slots=True)
class Locked:
    """A lock that was taken: of what, and as whom."""

    where: str
    holder: LockHolder


@dataclass(frozen=True, slots=True)
class Unlocked:
    """Who held the lock, None when nobody did; and who it was taken from, None when it was not."""

    where: str
    holder: LockHolder | None
    ended: LockHolder | None


@dataclass(frozen=True, slots=True)
class History:
    """The versions that are kept, newest first."""

    where: str
    versions: tuple[StoredVersion, ...]


@dataclass(frozen=True, slots=True)
class Signed:
    """How it stands with the signature: whether it was changed, and `why` the state was not taken before.

    `stored`: there is a state at all.
    """

    where: str
    changed: bool
    stored: bool
    why: str


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """The state as it is now, and where what could not be trusted went. `rebuilt`: it is a new one.

    `undecided` are the instances that a person has to decide about, each with the reason, and that are not in it.
    """

    where: str
    state: State
    rebuilt: bool
    set_aside: str
    undecided: Doubts
    others: tuple[InstanceId, ...]


def show(config: Config = None) -> Stored:
    """What is stored and who holds the lock. Raises UsageError (Damaged, too) and what the store raises."""
    store = opened(config).keeper()
    return Stored(store.where, store.load(), store.holder())


def lock(config: Config = None, *, seconds: float) -> Locked:
    """Keep everybody's runs out for a while. Raises Busy when a run holds the lock, and what the store raises."""
    store = opened(config).keeper()
    return Locked(store.where, store.hold(new_run_id(), seconds))


def unlock(config: Config = None, *, confirm: Callable[[LockHolder], bool]) -> Unlocked:
    """Take the lock away from whoever holds it, once that is confirmed. Raises what the store raises."""
    store = opened(config).keeper()
    holder = store.holder()
    taken = holder is not None and confirm(holder)
    return Unlocked(store.where, holder, store.unlock() if taken else None)


def history(config: Config = None) -> History:
    """The stored versions, newest first. A file keeps none but those that were set aside. Raises as the store does."""
    store = opened(config).keeper()
    return History(store.where, store.history())


def sign(config: Config = None, *, remove: bool = False, confirm: Callable[[str, State], bool]) -> Signed:
    """Sign the stored state with the key in ERT_STATE_KEY, or with `remove` write it without a signature again.

    `confirm` is asked with why it is not taken as it is (or where it is), and with the state, which nothing proves to
    be ours. Raises UsageError without the key, Busy, and what the store raises.
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
    """Move a damaged state aside and write a new one from the marks of the instances that exist. Deletes nothing.

    Raises UsageError for one that is newer or another deployment's, Busy, and CannotObserve when the instances cannot
    be listed; nothing is changed then.
    """
    deployment = opened(config)
    if not deployment.sandbox_runs():
        raise UsageError("the sandbox is not running, so there is nothing to list", hint="`ert-deploy sandbox start`")
    store = deployment.keeper()
    session = deployment.session(progress, web=False)
    with store.lock(new_run_id()):
        placed = _placed(session)
        aside, whole = "", None
        try:
            whole = store.load()
        except Damaged as error:
            progress.note(error.summary)
            aside = store.set_aside()
        state = whole
        if state is None or state.generation == 0:
            state = store.save(rebuilt(session.desired.deployment, placed.ours, session.ports.clock.now()))
    new = state is not whole
    doubts = tuple((u.instance.id, u.why) for u in placed.undecided) if new else ()
    return Rebuilt(store.where, state, new, aside, doubts, tuple(i.id for i in placed.others))


def _placed(session: Session) -> Ownership:
    """Whose every listed instance is as far as it can be said without a state and without asking Render."""
    desired = session.desired
    return sort_out(desired, session.ports.gpu.list_instances(), State(desired.deployment), desired.services)
