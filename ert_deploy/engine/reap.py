"""Reaping: finds instances of the deployment that are not in the state, and deletes those that the user confirms.

One with a valid identity that is ready is reported but not deleted: the state may be stored elsewhere.

They are deleted like any instance: first a tombstone by a conditional write, so that a concurrent run cannot adopt one
of them, then the deletion and two checks, and finally the tombstone is removed.
"""

from __future__ import annotations

from dataclasses import dataclass

from ert_deploy.core.model.desired import Desired
from ert_deploy.core.model.errors import CannotObserve, NeedsAttention, Outcome, StateConflict
from ert_deploy.core.model.events import Destroyed, Retired, Trouble, Waiting
from ert_deploy.core.model.observed import Instance, Vital
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.state import State, Tombstone
from ert_deploy.core.planning.accounts import unbound
from ert_deploy.core.planning.adoption import known, strays
from ert_deploy.core.planning.marks import Undecided, sort_out
from ert_deploy.engine.effects import Effects, ask
from ert_deploy.engine.records.accounts import of_this_account
from ert_deploy.engine.run_context import RunMemory
from ert_deploy.ports import Audience, BackendProbe, Clock, GpuHost, StateStore, TimeSource

MAX_ROUNDS = 20  # rounds over all instances before NeedsAttention is raised; each tombstone remains
REASON = "it was in no state"


@dataclass(frozen=True, slots=True)
class Found:
    """Result of one search for strays.

    `strays` are own instances missing in the state, `serving` are other such instances with a valid identity that are
    ready. `undecided` are left to the user, `others` are those of another owner. `blank`: no state exists, or only one
    with the error of a first `up`.
    """

    strays: tuple[Instance, ...]
    blank: bool
    serving: tuple[Instance, ...] = ()
    undecided: tuple[Undecided, ...] = ()
    others: tuple[Instance, ...] = ()


def find(desired: Desired) -> Effects[Found]:
    """Search for strays. Raises CannotObserve if the list or the state cannot be read."""
    instances = yield from ask(GpuHost.list_instances)
    stored = yield from ask(StateStore.load)
    state = yield from of_this_account(stored, instances, RunMemory(), begins=False, leaving=True)
    placed = sort_out(desired, instances, state, desired.services)
    found = strays(placed.ours, state)
    serving: list[Instance] = []
    for stray in found:
        if (yield from _serves(stray, state)):
            serving.append(stray)
    left = tuple(i for i in found if i not in serving)
    return Found(left, unbound(stored), tuple(serving), placed.undecided, placed.others)


def _serves(stray: Instance, state: State) -> Effects[bool]:
    """Whether the identity is valid and it is ready; False if it has a tombstone."""
    pending = any(t.id == stray.id for t in state.tombstones)
    if pending or stray.address is None or stray.mark is None or stray.halted:
        return False
    health = yield from ask(BackendProbe.probe, stray.address, stray.mark, stray.boot_secret, "")
    return health.vital is Vital.HEALTHY


def reap(chosen: tuple[Instance, ...], poll: float, *, decided: bool = False) -> Effects[tuple[InstanceId, ...]]:
    """Delete the chosen instances and return the ids of those that no longer exist, except any now in the state.

    With `decided`, the user has chosen them regardless of label and environment.

    NeedsAttention names the instances that still exist after many rounds. CannotObserve is raised in the first round
    only.
    """
    gone: list[InstanceId] = []
    left = {i.id: i for i in chosen}
    for turn in range(MAX_ROUNDS):
        if turn:
            yield from ask(Audience.tell, Waiting(f"{_named(left)} to be gone", poll))
            yield from ask(Clock.sleep, poll)
        try:
            yield from _round(left, gone, decided=decided)
        except StateConflict as error:
            yield from ask(Audience.tell, Trouble("looking again", error.summary))
        except CannotObserve as error:
            if turn == 0:
                raise
            yield from ask(Audience.tell, Trouble("looking again", error.summary))
        if not left:
            return tuple(gone)
    raise NeedsAttention(
        f"{_named(left)} cannot be seen gone and may bill",
        hint="run the same command again, or destroy the remaining ones in the GPU provider's console",
    )


def _round(left: dict[InstanceId, Instance], gone: list[InstanceId], *, decided: bool) -> Effects[None]:
    """List once and execute the next step for each one left. Those found absent move from `left` to `gone`."""
    listed = {i.id: i for i in (yield from ask(GpuHost.list_instances))}
    state = yield from ask(StateStore.load)
    for stray in () if decided else _adopted(left, listed, state):
        del left[stray.id]
        yield from ask(Audience.tell, Trouble(f"instance {stray.id} is kept", "it is not a stray any more"))
    state = yield from _mark_for_deletion(left, state)
    for number in sorted(left):
        if number in listed:
            yield from _destroy(number)
        elif (yield from ask(GpuHost.get_instance, number)) is None:
            state = yield from ask(StateStore.save, state.confirm_deleted(number))
            yield from ask(Audience.tell, Destroyed(number))
            del left[number]
            gone.append(number)


def _adopted(left: dict[InstanceId, Instance], listed: dict[InstanceId, Instance], state: State) -> list[Instance]:
    """Return the instances that another run has added since, or whose mark is not the same."""
    return [
        stray
        for stray in left.values()
        if stray.mark is None
        or known(state, stray.id, stray.mark.token)
        or (stray.id in listed and listed[stray.id].mark != stray.mark)
    ]


def _mark_for_deletion(left: dict[InstanceId, Instance], state: State) -> Effects[State]:
    """Write a tombstone for each of them at once. Raises StateConflict if the state has changed."""
    now = (yield from ask(TimeSource.moment)).stamp()
    pending = {t.id for t in state.tombstones}
    new = [i for i in left.values() if i.id not in pending and i.mark is not None]
    for stray in new:
        assert stray.mark is not None
        state = state.mark_for_deletion(Tombstone(stray.mark.token, stray.id, now, REASON))
    if not new:
        return state
    state = yield from ask(StateStore.save, state)
    for stray in new:
        yield from ask(Audience.tell, Retired(stray.id, REASON))
    return state


def _destroy(number: InstanceId) -> Effects[None]:
    try:
        yield from ask(GpuHost.destroy, number)
    except (Outcome, CannotObserve) as error:
        yield from ask(Audience.tell, Trouble(f"destroying instance {number}", error.summary))


def _named(left: dict[InstanceId, Instance]) -> str:
    return f"instance{'s' if len(left) > 1 else ''} {', '.join(str(n) for n in sorted(left))}"
