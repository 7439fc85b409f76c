"""Reaping: find our instances that no state knows, and see those that were confirmed gone.

One that proves its identity and serves is named and left alone: its state may be somewhere else.

They go the way every instance goes: tombstone first, by a conditional write, so that a run that adopts one of them at
the same time and we cannot both win; then destroy; then two proofs; then the tombstone is forgotten.
"""

from __future__ import annotations

from dataclasses import dataclass

from ert_deploy.core.model.desired import Desired
from ert_deploy.core.model.errors import CannotObserve, NeedsAttention, Outcome, StateConflict
from ert_deploy.core.model.events import Destroyed, Retired, Trouble, Waiting
from ert_deploy.core.model.observed import Instance, Vital
from ert_deploy.core.model.state import State, Tombstone
from ert_deploy.core.planning.adoption import known, strays
from ert_deploy.core.planning.marks import Undecided, sort_out
from ert_deploy.engine import effects as e
from ert_deploy.engine.effects import Effects, perform
from ert_deploy.engine.records.accounts import of_this_account

MAX_ROUNDS = 20  # over everything that is to go, before a person is asked to look; the tombstones stay
REASON = "it was in no state"


@dataclass(frozen=True, slots=True)
class Found:
    """What one look for strays came to.

    `strays` are ours and no state knows them, `serving` are those of them that answer as ours and healthy. `undecided`
    are for a person, `others` are another owner's. `blank`: there is no state at all.
    """

    strays: tuple[Instance, ...]
    blank: bool
    serving: tuple[Instance, ...] = ()
    undecided: tuple[Undecided, ...] = ()
    others: tuple[Instance, ...] = ()


def find(desired: Desired) -> Effects[Found]:
    """Look for strays. CannotObserve when the list or the state cannot be read."""
    instances = yield from perform(e.ListInstances())
    stored = yield from perform(e.Load())
    state, _ = yield from of_this_account(stored, instances, "", set(), begins=False, leaving=True)
    placed = sort_out(desired, instances, state, desired.services)
    found = strays(placed.ours, state)
    serving: list[Instance] = []
    for stray in found:
        if (yield from _serves(stray, state)):
            serving.append(stray)
    left = tuple(i for i in found if i not in serving)
    return Found(left, state.generation == 0, tuple(serving), placed.undecided, placed.others)


def _serves(stray: Instance, state: State) -> Effects[bool]:
    """Whether it proves that it is ours and healthy; one that is to be destroyed does not count."""
    entombed = any(t.id == stray.id for t in state.tombstones)
    if entombed or stray.address is None or stray.mark is None or stray.halted:
        return False
    health = yield from perform(e.Probe(stray.address, stray.mark, stray.boot_secret, ""))
    return health.vital is Vital.HEALTHY


def reap(chosen: tuple[Instance, ...], poll: float, *, decided: bool = False) -> Effects[tuple[int, ...]]:
    """Destroy these and see them gone; the ids that are. One that a state knows by now is left alone.

    `decided`: a person chose them, whatever their marks are.

    NeedsAttention names what still exists after many rounds. CannotObserve at the first look ends it at once.
    """
    gone: list[int] = []
    left = {i.id: i for i in chosen}
    for turn in range(MAX_ROUNDS):
        if turn:
            yield from perform(e.Tell(Waiting(f"{_named(left)} to be gone", poll)))
            yield from perform(e.Sleep(poll))
        try:
            yield from _round(left, gone, decided=decided)
        except StateConflict as error:
            yield from perform(e.Tell(Trouble("looking again", error.summary)))
        except CannotObserve as error:
            if turn == 0:
                raise
            yield from perform(e.Tell(Trouble("looking again", error.summary)))
        if not left:
            return tuple(gone)
    raise NeedsAttention(
        f"{_named(left)} cannot be seen gone and may bill",
        hint="run the same command again, or destroy the remaining ones in the Vast.ai console",
    )


def _round(left: dict[int, Instance], gone: list[int], *, decided: bool) -> Effects[None]:
    """One look, and for each that is left the next thing to do. What is seen gone moves from `left` to `gone`."""
    listed = {i.id: i for i in (yield from perform(e.ListInstances()))}
    state = yield from perform(e.Load())
    for stray in () if decided else _adopted(left, listed, state):
        del left[stray.id]
        yield from perform(e.Tell(Trouble(f"instance {stray.id} is kept", "it is not a stray any more")))
    state = yield from _entomb(left, state)
    for number in sorted(left):
        if number in listed:
            yield from _destroy(number)
        elif (yield from perform(e.GetInstance(number))) is None:
            state = yield from perform(e.Save(state.bury(number)))
            yield from perform(e.Tell(Destroyed(number)))
            del left[number]
            gone.append(number)


def _adopted(left: dict[int, Instance], listed: dict[int, Instance], state: State) -> list[Instance]:
    """Those that some run has written down since, or whose marks are not what they were."""
    return [
        stray
        for stray in left.values()
        if stray.mark is None
        or known(state, stray.id, stray.mark.token)
        or (stray.id in listed and listed[stray.id].mark != stray.mark)
    ]


def _entomb(left: dict[int, Instance], state: State) -> Effects[State]:
    """Every one of them with its tombstone, in one write. Raises StateConflict when somebody else wrote."""
    now = (yield from perform(e.Now())).stamp()
    told = {t.id for t in state.tombstones}
    new = [i for i in left.values() if i.id not in told and i.mark is not None]
    for stray in new:
        assert stray.mark is not None
        state = state.entomb(Tombstone(stray.mark.token, stray.id, now, REASON))
    if not new:
        return state
    state = yield from perform(e.Save(state))
    for stray in new:
        yield from perform(e.Tell(Retired(stray.id, REASON)))
    return state


def _destroy(number: int) -> Effects[None]:
    try:
        yield from perform(e.DestroyInstance(number))
    except (Outcome, CannotObserve) as error:
        yield from perform(e.Tell(Trouble(f"destroying instance {number}", error.summary)))


def _named(left: dict[int, Instance]) -> str:
    return f"instance{'s' if len(left) > 1 else ''} {', '.join(str(n) for n in sorted(left))}"
