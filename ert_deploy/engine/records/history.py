"""History of the engine: each write of the state contains the events that belong to it."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import Any, TypeVar

from ert_deploy.core.model.errors import ErtError
from ert_deploy.core.model.events import Stopped
from ert_deploy.core.model.log.happened import FAILED, FINISHED, LONGEST, Happened
from ert_deploy.core.model.log.transitions import Costs, remembered, transitions
from ert_deploy.core.model.observed import Observed
from ert_deploy.core.model.state import State
from ert_deploy.engine.effects import Effect, Effects, ask
from ert_deploy.ports import Audience, StateStore, TimeSource

T = TypeVar("T")
HOUR = 3600.0


def recorded(effects: Effects[T], observed: Observed, pending: list[Happened]) -> Effects[T]:
    """Run the effects, and add to each state that they save what has happened since `observed`.

    A stop changes no state: it is added to `pending`, and written with the next one.
    """
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
            events = (*pending, *transitions(before, after, observed.stamp(), _costs(observed)))
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


def write_end(error: str) -> Effects[None]:
    """Write by which error a run ended, or with an empty one that it did not. Not worth an error of its own.

    Repeats nothing, and begins no state: one that a run has not begun would be taken for complete.
    """
    with suppress(ErtError):
        state = yield from ask(StateStore.load)
        last = state.history[-1] if state.history else None
        end = Happened((yield from ask(TimeSource.moment)).stamp(), FAILED if error else FINISHED, why=error[:LONGEST])
        was = (last.what, last.why) if last is not None else (FINISHED, "")
        failed_before = was[0] == FAILED
        if state.generation and (end.what, end.why) != was and (error or failed_before):
            yield from ask(StateStore.save, remembered(state, (end,)))


def _costs(observed: Observed) -> Costs:
    """Return what each instance has cost at most since it was rented, in $: as if its GPU had run all the time."""
    now = abs(observed.stamp())
    return {
        instance.id: round(instance.dph * max(0.0, now - instance.started) / HOUR, 4)
        for instance in observed.instances
        if instance.started and math.isfinite(instance.dph)
    }
