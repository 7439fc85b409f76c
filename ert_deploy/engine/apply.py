"""Main loop: `apply(desired)` reads the actual state and executes the first step of the plan until none is left.

This generator is the entire engine. It yields effects; only `plan` makes decisions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ert_deploy.core.model import steps
from ert_deploy.core.model.desired import ABSENT, RUNNING, Desired
from ert_deploy.core.model.errors import ErtError, NeedsAttention, StateConflict
from ert_deploy.core.model.events import Started
from ert_deploy.core.model.moment import MARGIN
from ert_deploy.core.model.state import State
from ert_deploy.core.model.steps import Step
from ert_deploy.core.planning.changes.fitness import unfit
from ert_deploy.core.planning.plan import next_step
from ert_deploy.core.planning.records import unknown_for
from ert_deploy.core.planning.situation import Situation
from ert_deploy.engine.decide import look_again, must_be_decided
from ert_deploy.engine.effects import Effects, ask
from ert_deploy.engine.keys import add_key, drop_keys, set_limits
from ert_deploy.engine.observe import abandon, observe_with_retry
from ert_deploy.engine.preflight import preflight
from ert_deploy.engine.publish import deploy, prove, publish
from ert_deploy.engine.records.history import recorded, write_rest
from ert_deploy.engine.records.small_steps import drop_intent, pin, write_down
from ert_deploy.engine.records.storeless import stored, without_store
from ert_deploy.engine.records.waiting import await_boot, await_turn, drain, settle
from ert_deploy.engine.rent import rent, write_markers
from ert_deploy.engine.retire import await_gone, confirm_deleted, destroy, forget, retire
from ert_deploy.engine.run_context import Run, RunMemory
from ert_deploy.engine.start_stop import await_stop, stop, strand, wake
from ert_deploy.ports import Audience, StateStore

MAX_CONFLICTS = 20
MAX_TAKEN = 8
NO_ROOM = "a replacement must serve before it is destroyed, and plan/slots leaves no slot for one"
# Steps that wait, or that count their own attempts; any other step must change something.
REPEATABLE = (
    steps.AwaitBoot, steps.Settle, steps.Drain, steps.Rent, steps.Destroy, steps.ConfirmDeleted, steps.DropRecord,
    steps.Wake, steps.Strand, steps.Stop, steps.AwaitStop, steps.AwaitGone, steps.AwaitTurn,
)  # fmt: skip
WAITS = (steps.AwaitBoot, steps.Settle, steps.Drain, steps.AwaitTurn)  # they save nothing that is to be recorded
MAKES_ANOTHER = (steps.WriteMarkers, steps.Rent)  # not while the owner of an instance is undecided
ABOUT_AN_APP = (steps.Publish, steps.Deploy, steps.Prove)
# Handler of each type; a test checks the keys against the union of all steps.
HANDLERS: Mapping[type[Step], Callable[[Any, Run], Effects[None]]] = {
    steps.RecordInstance: write_down,
    steps.DropIntent: drop_intent,
    steps.DropRecord: forget,
    steps.Settle: settle,
    steps.WriteMarkers: write_markers,
    steps.Rent: rent,
    steps.AwaitBoot: await_boot,
    steps.Pin: pin,
    steps.Wake: wake,
    steps.Strand: strand,
    steps.Stop: stop,
    steps.AwaitStop: await_stop,
    steps.Publish: publish,
    steps.Deploy: deploy,
    steps.Prove: prove,
    steps.AddKey: add_key,
    steps.DropKeys: drop_keys,
    steps.SetLimits: set_limits,
    steps.Drain: drain,
    steps.Retire: retire,
    steps.Destroy: destroy,
    steps.ConfirmDeleted: confirm_deleted,
    steps.AwaitGone: await_gone,
    steps.AwaitTurn: await_turn,
}


@dataclass(frozen=True, slots=True)
class Result:
    """Result of a run: the last `Situation`, and the targets that could not be updated with the reasons.

    `left` is set if the backend in use does not match the config and cannot be replaced. `unknown_for` are the seconds
    during which an instance of a create without state may still appear.
    """

    situation: Situation
    abandoned: tuple[tuple[str, str], ...] = ()
    left: NeedsAttention | None = None
    unknown_for: float = 0.0


def apply(desired: Desired, memory: RunMemory | None = None, *, needs_store: bool = False) -> Effects[Result]:
    """Reach the desired state. Raises Failed, NeedsAttention or CannotObserve; the next run continues from there.

    On the way down it does not require a usable state store, and raises NeedsAttention at the end; with `needs_store`
    it does, as for a replica that is removed while others are to serve.
    """
    memory = memory or RunMemory()
    if needs_store:
        return _apply(desired, memory)
    return _apply(desired, memory) if desired.phase is not ABSENT else _remove(desired, memory)


def _remove(desired: Desired, memory: RunMemory) -> Effects[Result]:
    while True:
        result = yield from without_store(_apply(desired, memory), desired.deployment, memory)
        if (yield from stored(memory)):
            return result
        _conflict(memory, "it changes between a read and a write")


def _apply(desired: Desired, memory: RunMemory) -> Effects[Result]:
    while True:
        situation = yield from observe_with_retry(desired, memory)
        run, state = Run(situation, memory), situation.observed.state
        if memory.looks == 1:
            yield from preflight(run)
        if desired.phase is ABSENT and state.generation == 0 and memory.carried is None:
            yield from _note(replace(state, account=""), memory)  # the owner is not known yet
            continue
        step = next_step(situation)
        if (step is None or isinstance(step, MAKES_ANOTHER)) and (yield from look_again(run)):
            continue
        if step is None:
            left = unknown_for(situation) if desired.phase is ABSENT else 0.0
            if state.begun and desired.phase is ABSENT and not left and memory.carried is None:
                yield from _note(replace(state, begun=0.0), memory)
                continue
            yield from write_rest(state, memory.pending)
            abandoned = tuple(sorted(memory.abandoned.items()))
            # Another run uses the provider's clock, which adds this margin.
            return Result(situation, abandoned, _kept_serving(run), left + MARGIN if left else 0.0)
        try:
            yield from _do(step, run)
        except StateConflict as error:
            _conflict(memory, error.summary)
        else:
            _detect_livelock(step, memory)


def _note(state: State, memory: RunMemory) -> Effects[None]:
    """Save when the state was created, or that this is no longer relevant, so that the next `down` need not wait."""
    try:
        yield from ask(StateStore.save, state)
    except StateConflict as error:
        _conflict(memory, error.summary)


def _conflict(memory: RunMemory, why: str) -> None:
    memory.conflicts += 1
    if memory.conflicts > MAX_CONFLICTS:
        raise NeedsAttention("another process keeps writing the state", why)


def _detect_livelock(step: Step, memory: RunMemory) -> None:
    """Raise NeedsAttention if the same step is repeated without a visible change, to prevent an endless loop."""
    if isinstance(step, REPEATABLE):
        return
    memory.taken[step] = number = memory.taken.get(step, 0) + 1
    if number >= MAX_TAKEN:
        raise NeedsAttention(
            f"{type(step).__name__} was done {MAX_TAKEN} times and is not seen to be done ({step.reason})",
            hint="another process changes the written values; `ert-deploy plan` shows the remaining differences",
        )


def _kept_serving(run: Run) -> NeedsAttention | None:
    """Return which backend stays in use although it does not match the config, and why; None if it matches."""
    current = run.situation.classified.current if run.desired.phase is RUNNING else None
    why = unfit(run.desired, current) if current is not None else ""
    if current is None or not why:
        return None
    summary = f"instance {current.instance.id} keeps serving, but {why}"
    error = run.memory.kept
    if error is None:
        return NeedsAttention(summary, NO_ROOM, "set plan/slots: 2, or run `ert-deploy down` and then `ert-deploy up`")
    return NeedsAttention(summary, "\n".join(filter(None, (error.summary, error.detail))), error.hint)


def _do(step: Step, run: Run) -> Effects[None]:
    if isinstance(step, MAKES_ANOTHER):
        must_be_decided(run.situation)
    awaited = step.instance_id if isinstance(step, steps.AwaitBoot) else None
    if awaited is None:
        run.memory.publications = None  # the next step must not rely on old values of the apps
    if awaited is None or awaited != run.memory.awaited:
        yield from ask(Audience.tell, Started(step))
    run.memory.awaited, run.memory.doing = awaited, step
    effects = HANDLERS[type(step)](step, run)
    try:
        yield from effects if isinstance(step, WAITS) else recorded(effects, run)
    except StateConflict:
        raise
    except ErtError as error:
        if not isinstance(step, ABOUT_AN_APP) or run.desired.phase is RUNNING:
            raise
        yield from abandon(run.memory, step.target, error)
