"""Fallback of `down` without a usable store: uses `label` and environment of the instances.

If the state cannot be read, it is replaced by an empty one that starts now, and success is not reported before a create
in the old state would have appeared. If it cannot be written, it is stored in memory. The store is tried once more
at the end; if that fails, these changes are reported with exit code 5.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, TypeVar

from ert_deploy.core.model.errors import ErtError, NeedsAttention, StateConflict
from ert_deploy.core.model.events import Trouble
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.state import State
from ert_deploy.engine.effects import Effects, ask
from ert_deploy.engine.run_context import RunMemory
from ert_deploy.ports import Audience, StateStore, TimeSource

T = TypeVar("T")
LOAD, SAVE = StateStore.load, StateStore.save  # names, as a lookup in a protocol costs as much as the call
AGAIN = "once the state can be read and written, run `ert-deploy down` again; `ert-deploy state` shows its contents"


def without_store(effects: Effects[T], deployment: str, memory: RunMemory) -> Effects[T]:
    """Run the effects with a state in memory if the store fails."""
    value: Any = None
    error: ErtError | None = None
    while True:
        try:
            effect = effects.send(value) if error is None else effects.throw(error)
        except StopIteration as done:
            result: T = done.value
            return result
        value, error = None, None
        try:
            if effect.method is LOAD:
                value = yield from _load(deployment, memory)
            elif effect.method is SAVE:
                value = yield from _save(effect.args[0], memory)
            else:
                value = yield effect
        except ErtError as caught:
            error = caught


def _load(deployment: str, memory: RunMemory) -> Effects[State]:
    try:
        found = yield from ask(StateStore.load)
    except ErtError as error:
        if memory.unread is None:
            memory.unread = error
            yield from ask(Audience.tell, Trouble("continuing without the state, using only the marks", error.summary))
            now = yield from ask(TimeSource.moment)
            known = memory.carried or memory.stored or State(deployment)
            memory.carried = replace(known, begun=now.stamp())
        assert memory.carried is not None
        return memory.carried
    if memory.carried is not None and memory.unread is None and found.generation == memory.carried.generation:
        return memory.carried
    memory.carried = memory.unread = memory.unsaved = None
    memory.stored = found
    return found


def _save(state: State, memory: RunMemory) -> Effects[State]:
    if memory.unread is None and memory.unsaved is None:
        try:
            memory.stored = yield from ask(StateStore.save, state)
        except StateConflict:
            raise
        except ErtError as error:
            memory.unsaved = error
            yield from ask(Audience.tell, Trouble("going on although the state cannot be written", error.summary))
        else:
            return memory.stored
    memory.carried = state
    return state


def stored(memory: RunMemory) -> Effects[bool]:
    """Whether the state is stored at the end; False if the store works again and more steps may be needed.

    Raises NeedsAttention with the changes that could not be stored.
    """
    if memory.unread is None and memory.unsaved is None:
        return True
    try:
        if memory.unread is not None:
            yield from ask(StateStore.load)
        else:
            assert memory.carried is not None
            memory.stored = yield from ask(StateStore.save, memory.carried)
            memory.carried = memory.unsaved = None
            return True
    except StateConflict as error:
        yield from ask(Audience.tell, Trouble("looking again", error.summary))
    except ErtError as error:
        raise _not_stored(error, memory) from error
    memory.carried = memory.unread = memory.unsaved = None
    return False


def _not_stored(error: ErtError, memory: RunMemory) -> NeedsAttention:
    what = "read" if memory.unread is not None else "written"
    lines = [error.summary, *_left(memory)]
    lines += [f"{target} could not be updated: {why}" for target, why in sorted(memory.abandoned.items())]
    return NeedsAttention(
        f"no instance is left that is known, but the state cannot be {what}", "\n".join(lines), error.hint or AGAIN
    )


def _left(memory: RunMemory) -> Iterator[str]:
    """Yield entries in the store that are out of date."""
    before, after = memory.stored, memory.carried
    if before is None or after is None:
        return
    for number in sorted(_ids(before) - _ids(after)):
        yield f"the state still contains instance {number}, which is gone"
    for intent in sorted(set(before.intents) - set(after.intents), key=lambda i: i.token):
        yield f"the state still contains a create call for offer {intent.offer_id}, which left no trace"


def _ids(state: State) -> set[InstanceId]:
    return {r.id for r in state.records} | {t.id for t in state.tombstones}
