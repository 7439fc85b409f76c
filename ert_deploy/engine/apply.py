"""apply(desired): look, plan, do the first step, look again, until nothing is left to do.

This generator is the whole engine. It yields effects and decides nothing that `plan` does not decide.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ert_deploy.core.model import steps
from ert_deploy.core.model.desired import Desired, Phase
from ert_deploy.core.model.errors import ErtError, NeedsAttention, StateConflict
from ert_deploy.core.model.events import Started
from ert_deploy.core.model.moment import MARGIN
from ert_deploy.core.model.state import State
from ert_deploy.core.model.steps import Step
from ert_deploy.core.planning.candidates import unfit
from ert_deploy.core.planning.plan import next_step
from ert_deploy.core.planning.records import unknown_for
from ert_deploy.core.planning.situation import Situation
from ert_deploy.engine import effects as e
from ert_deploy.engine.decide import look_again, must_be_decided
from ert_deploy.engine.effects import Effects, perform
from ert_deploy.engine.keys import add_key, drop_keys
from ert_deploy.engine.memory import Memory
from ert_deploy.engine.observe import abandon, patiently
from ert_deploy.engine.power import await_stop, stop, strand, wake
from ert_deploy.engine.preflight import preflight
from ert_deploy.engine.publish import deploy, prove, publish
from ert_deploy.engine.records.small_steps import drop_intent, pin, write_down
from ert_deploy.engine.records.storeless import stored, without_store
from ert_deploy.engine.records.waiting import await_boot, drain, settle
from ert_deploy.engine.rent import mark_apps, rent
from ert_deploy.engine.retire import await_gone, bury, destroy, forget, retire
from ert_deploy.engine.run_context import Run

MAX_CONFLICTS = 20
MAX_TAKEN = 8
NO_ROOM = "a replacement must serve before it is destroyed, and plan/slots leaves no slot for one"
# Steps that wait, or that count their own tries; any other one has to have an effect when it is taken.
REPEATABLE = (
    steps.AwaitBoot, steps.Settle, steps.Drain, steps.Rent, steps.Destroy, steps.Bury, steps.DropRecord, steps.Wake,
    steps.Strand, steps.Stop, steps.AwaitStop, steps.AwaitGone,
)  # fmt: skip
MAKES_ANOTHER = (steps.MarkApps, steps.Rent)  # not while another may be ours
ABOUT_AN_APP = (steps.Publish, steps.Deploy, steps.Prove)
# How each kind of step is carried out; each function takes its own kind, and a test compares with the union of all.
HANDLERS: Mapping[type[Step], Callable[[Any, Run], Effects[None]]] = {
    steps.Record: write_down,
    steps.DropIntent: drop_intent,
    steps.DropRecord: forget,
    steps.Settle: settle,
    steps.MarkApps: mark_apps,
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
    steps.Drain: drain,
    steps.Retire: retire,
    steps.Destroy: destroy,
    steps.Bury: bury,
    steps.AwaitGone: await_gone,
}


@dataclass(frozen=True, slots=True)
class Result:
    """How the run ended: the last look, and targets that could not be updated with the reason.

    `left` is what a person has to see to: what serves is not what the config asks for, and nothing can replace it.
    `unknown_for`: seconds for which a create may still show itself that no state of ours knows.
    """

    situation: Situation
    abandoned: tuple[tuple[str, str], ...] = ()
    left: NeedsAttention | None = None
    unknown_for: float = 0.0


def apply(desired: Desired, memory: Memory | None = None) -> Effects[Result]:
    """Make it so. Raises Failed, NeedsAttention or CannotObserve; running it again goes on from what is seen.

    On the way down it goes on where the state cannot be read or written, and says so in the end (NeedsAttention).
    """
    memory = memory or Memory()
    if desired.phase is not Phase.ABSENT:
        return (yield from _apply(desired, memory))
    while True:
        result = yield from without_store(_apply(desired, memory), desired.deployment, memory)
        if (yield from stored(memory)):
            return result
        _conflict(memory, "it changes between a read and a write")


def _apply(desired: Desired, memory: Memory) -> Effects[Result]:
    while True:
        situation = yield from patiently(desired, memory)
        run, state = Run(situation, memory), situation.observed.state
        if memory.looks == 1:
            yield from preflight(run)
        if desired.phase is Phase.ABSENT and state.generation == 0 and memory.carried is None:
            yield from _note(replace(state, account=""), memory)  # nothing says yet whose it is
            continue
        step = next_step(situation)
        if (step is None or isinstance(step, MAKES_ANOTHER)) and (yield from look_again(run)):
            continue
        if step is None:
            left = unknown_for(situation) if desired.phase is Phase.ABSENT else 0.0
            if state.begun and desired.phase is Phase.ABSENT and not left and memory.carried is None:
                yield from _note(replace(state, begun=0.0), memory)
                continue
            abandoned = tuple(sorted(memory.abandoned.items()))
            # Another run goes by the provider's clock, and is that much more careful.
            return Result(situation, abandoned, _kept_serving(run), left + MARGIN if left else 0.0)
        try:
            yield from _do(step, run)
        except StateConflict as error:
            _conflict(memory, error.summary)
        else:
            _must_work(step, memory)


def _note(state: State, memory: Memory) -> Effects[None]:
    """Write down since when there is a state, or that it no longer matters: the next `down` need not wait again."""
    try:
        yield from perform(e.Save(state))
    except StateConflict as error:
        _conflict(memory, error.summary)


def _conflict(memory: Memory, why: str) -> None:
    memory.conflicts += 1
    if memory.conflicts > MAX_CONFLICTS:
        raise NeedsAttention("another process keeps writing the state", why)


def _must_work(step: Step, memory: Memory) -> None:
    """The same step over and over means that it has no effect we can see: no circle is run without an end."""
    if isinstance(step, REPEATABLE):
        return
    memory.taken[step] = memory.taken.get(step, 0) + 1
    if memory.taken[step] >= MAX_TAKEN:
        raise NeedsAttention(
            f"{type(step).__name__} was done {MAX_TAKEN} times and is not seen to be done ({step.reason})",
            hint="another process changes the written values; `ert-deploy plan` shows the remaining differences",
        )


def _kept_serving(run: Run) -> NeedsAttention | None:
    """Says which backend serves although it does not fit, and why; None when what serves fits."""
    current = run.situation.standing.current if run.desired.phase is Phase.RUNNING else None
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
    yield from perform(e.Tell(Started(step)))
    if not isinstance(step, steps.AwaitBoot):
        run.memory.publications = None  # what is done next must not rest on what an app was told some minutes ago
    try:
        yield from HANDLERS[type(step)](step, run)
    except StateConflict:
        raise
    except ErtError as error:
        if not isinstance(step, ABOUT_AN_APP) or run.desired.phase is Phase.RUNNING:
            raise
        yield from abandon(run.memory, step.target, error)
