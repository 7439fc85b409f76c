"""History of the engine: each write of the state contains the events that belong to it."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeVar

from ert_deploy.core.model.desired import RUNNING, Desired
from ert_deploy.core.model.errors import ErtError
from ert_deploy.core.model.events import Stopped
from ert_deploy.core.model.log.happened import FAILED, FINISHED, LONGEST, NOT_ENDED, Happened
from ert_deploy.core.model.log.transitions import Costs, remembered, transitions
from ert_deploy.core.model.observed import Observed
from ert_deploy.core.model.state import State
from ert_deploy.engine.effects import Effect, Effects, ask
from ert_deploy.engine.run_context import Run, RunMemory
from ert_deploy.ports import Audience, StateStore, TimeSource

T = TypeVar("T")
HOUR = 3600.0


def recorded(effects: Effects[T], run: Run) -> Effects[T]:
    """Run the effects, and add to each state that they save what has happened since the run has observed it.

    A stop changes no state: it is added to the pending events, and written with the next one.
    """
    observed, pending, server = run.observed, run.memory.pending, _server(run.desired)
    before = observed.state
    value: Any = None
    error: ErtError | None = None
    while True:
        try:
            effect = effects.send(value) if error is None else effects.throw(error)
        except StopIteration as done:
            result: T = done.value
            return result
        value, error = None, None
        saving = effect.method is StateStore.save
        if saving:
            (after,) = effect.args
            events = (*pending, *transitions(before, after, observed.stamp(), _costs(observed), server))
            effect = Effect(effect.method, (remembered(after, events),), effect.named)
        elif effect.method is Audience.tell and isinstance(effect.args[0], Stopped):
            number = effect.args[0].instance_id
            cost = _costs(observed).get(number, 0.0)
            pending.append(Happened(observed.stamp(), "stopped", number, "its disk is kept", cost))
        try:
            value = yield effect
        except ErtError as caught:
            error = caught
        else:
            if saving:
                before = value
                pending.clear()


def write_rest(state: State, pending: list[Happened]) -> Effects[None]:
    """Write the events that no other write has taken. Not worth an error: the world is as it should be."""
    if pending:
        with suppress(ErtError):
            yield from ask(StateStore.save, remembered(state, pending))
        pending.clear()


def write_end(error: str, desired: Desired, memory: RunMemory) -> Effects[None]:
    """Write by which error a run ended, or with an empty one that it did not. Not worth an error of its own.

    The same error again only gets a new time. Nothing is written into a state that is not known to be of the run's own
    account and owner. Where none exists, one is begun for a failed `up`: it counts as none (`unbound`).
    """
    with suppress(ErtError):
        state = yield from ask(StateStore.load)
        if not _own(state, memory) or (error and not _wanted(state, desired, memory)):
            return
        at = (yield from ask(TimeSource.moment)).stamp()
        failed = FAILED if desired.phase is RUNNING else NOT_ENDED
        end = Happened(at, failed if error else FINISHED, why=error[:LONGEST])
        last = state.history[-1] if state.history else Happened(at, FINISHED)
        if (last.what, last.why) == (end.what, end.why):
            state = replace(state, history=state.history[:-1])
        if error or last.what in (FAILED, NOT_ENDED):
            yield from ask(StateStore.save, remembered(_begun(state, at), (end,)))


def _own(state: State, memory: RunMemory) -> bool:
    """Whether it is of the account and the owner of this run, or of none yet."""
    foreign = memory.placed is not None and memory.placed.foreign
    return not foreign and (not state.account or state.account in {memory.account, *memory.same})


def _wanted(state: State, desired: Desired, memory: RunMemory) -> bool:
    """Whether its failure leaves something to do: a `wake` that finds nothing does not ask for a machine."""
    if desired.phase is not RUNNING:
        return bool(state.generation)
    return desired.begin or not state.empty() or memory.looks > 1


def _begun(state: State, at: float) -> State:
    """Return the state; a new one has its beginning, as an earlier one may have been lost."""
    return state if state.generation else replace(state, begun=at)


def _server(desired: Desired) -> str:
    """Return the external server and the model that the apps are to use; empty without one."""
    external = desired.external
    return f"{external.model} on {external.url}" if external is not None and desired.phase is RUNNING else ""


def _costs(observed: Observed) -> Costs:
    """Return what each instance has cost at most since it was rented, in $: as if its GPU had run all the time."""
    now = abs(observed.stamp())
    return {
        instance.id: round(instance.dph * max(0.0, now - instance.started) / HOUR, 4)
        for instance in observed.instances
        if instance.started and math.isfinite(instance.dph)
    }
