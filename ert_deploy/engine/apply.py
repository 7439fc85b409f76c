"""apply(desired): look, plan, do the first step, look again, until nothing is left to do.

This generator is the whole engine. It yields effects and decides nothing that `plan` does not decide.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import assert_never

from ert_deploy.core.model import steps
from ert_deploy.core.model.desired import Desired, Phase
from ert_deploy.core.model.errors import ErtError, NeedsAttention, StateConflict
from ert_deploy.core.model.events import Started
from ert_deploy.core.model.moment import MARGIN
from ert_deploy.core.model.observed import Observed
from ert_deploy.core.model.state import State
from ert_deploy.core.model.steps import Step
from ert_deploy.core.planning.plan import next_step
from ert_deploy.core.planning.records import unknown_for
from ert_deploy.engine import effects as e
from ert_deploy.engine.decide import look_again, must_be_decided
from ert_deploy.engine.effects import Effects, perform
from ert_deploy.engine.keep import kept_serving
from ert_deploy.engine.keys import add_key, drop_keys
from ert_deploy.engine.memory import Memory
from ert_deploy.engine.observe import abandon, patiently
from ert_deploy.engine.power import await_stop, stop, strand, wake
from ert_deploy.engine.preflight import preflight
from ert_deploy.engine.publish import deploy, prove, publish
from ert_deploy.engine.records.small_steps import small_step
from ert_deploy.engine.records.storeless import stored, without_store
from ert_deploy.engine.rent import mark_apps, rent
from ert_deploy.engine.retire import await_gone, bury, destroy, forget, retire

MAX_CONFLICTS = 20
MAX_TAKEN = 8
# Steps that wait, or that count their own tries; any other one has to have an effect when it is taken.
REPEATABLE = (
    steps.AwaitBoot, steps.Settle, steps.Drain, steps.Rent, steps.Destroy, steps.Bury, steps.DropRecord, steps.Wake,
    steps.Strand, steps.Stop, steps.AwaitStop, steps.AwaitGone,
)  # fmt: skip
MAKES_ANOTHER = (steps.MarkApps, steps.Rent)  # not while another may be ours
ABOUT_AN_APP = (steps.Publish, steps.Deploy, steps.Prove)


@dataclass(frozen=True, slots=True)
class Result:
    """How the run ended: the last look, and targets that could not be updated with the reason.

    `left` is what a person has to see to: what serves is not what the config asks for, and nothing can replace it.
    `unknown_for`: seconds for which a create may still show itself that no state of ours knows.
    """

    observed: Observed
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
        _conflict(memory, "it changes between a look and a write")


def _apply(desired: Desired, memory: Memory) -> Effects[Result]:
    while True:
        observed = yield from patiently(desired, memory)
        if memory.looks == 1:
            yield from preflight(desired, observed, memory)
        if desired.phase is Phase.ABSENT and observed.state.generation == 0 and memory.carried is None:
            yield from _note(replace(observed.state, account=""), memory)  # nothing says yet whose it is
            continue
        step = next_step(desired, observed)
        if (step is None or isinstance(step, MAKES_ANOTHER)) and (yield from look_again(desired, observed, memory)):
            continue
        if step is None:
            left = unknown_for(observed, desired.timings.settle) if desired.phase is Phase.ABSENT else 0.0
            if observed.state.begun and desired.phase is Phase.ABSENT and not left and memory.carried is None:
                yield from _note(replace(observed.state, begun=0.0), memory)
                continue
            abandoned, kept = tuple(sorted(memory.abandoned.items())), kept_serving(desired, observed, memory)
            # Another run goes by the provider's clock, and is that much more careful.
            return Result(observed, abandoned, kept, left + MARGIN if left else 0.0)
        try:
            yield from _do(step, desired, observed, memory)
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
        raise NeedsAttention("somebody else keeps writing the state", why)


def _must_work(step: Step, memory: Memory) -> None:
    """The same step over and over means that it has no effect we can see: no circle is run without an end."""
    if isinstance(step, REPEATABLE):
        return
    memory.taken[step] = memory.taken.get(step, 0) + 1
    if memory.taken[step] >= MAX_TAKEN:
        raise NeedsAttention(
            f"{type(step).__name__} was done {MAX_TAKEN} times and is not seen to be done ({step.reason})",
            hint="something undoes or changes what is written; `ert-deploy plan` shows what still differs",
        )


def _do(step: Step, desired: Desired, observed: Observed, memory: Memory) -> Effects[None]:
    if isinstance(step, MAKES_ANOTHER):
        must_be_decided(desired, observed)
    yield from perform(e.Tell(Started(step)))
    if not isinstance(step, steps.AwaitBoot):
        memory.publications = None  # what is done next must not rest on what an app was told some minutes ago
    if not isinstance(step, ABOUT_AN_APP):
        yield from _about_machines(step, desired, observed, memory)
        return
    try:
        yield from _about_an_app(step, desired, observed, memory)
    except StateConflict:
        raise
    except ErtError as error:
        if desired.phase is Phase.RUNNING:
            raise
        yield from abandon(memory, step.target, error)


def _about_an_app(step: steps.AppStep, desired: Desired, observed: Observed, memory: Memory) -> Effects[None]:
    match step:
        case steps.Publish():
            yield from publish(step, desired, observed, memory)
        case steps.Deploy():
            yield from deploy(step, desired, observed, memory)
        case steps.Prove():
            yield from prove(step, desired, observed, memory)
        case _:
            assert_never(step)


def _about_machines(step: steps.MachineStep, desired: Desired, observed: Observed, memory: Memory) -> Effects[None]:
    match step:
        case steps.MarkApps():
            yield from mark_apps(desired, observed, memory)
        case steps.Rent():
            yield from rent(desired, observed, memory)
        case steps.AddKey() | steps.DropKeys():
            yield from _keys(step, desired, observed, memory)
        case steps.Retire():
            yield from retire(step, desired, observed, memory)
        case steps.Destroy() | steps.Bury() | steps.AwaitGone() | steps.DropRecord():
            yield from _end(step, desired, observed, memory)
        case steps.Wake() | steps.Strand() | steps.Stop() | steps.AwaitStop():
            yield from _power(step, desired, observed, memory)
        case _:
            yield from small_step(step, desired, observed, memory)


def _end(step: steps.EndStep, desired: Desired, observed: Observed, memory: Memory) -> Effects[None]:
    match step:
        case steps.Destroy():
            yield from destroy(step, desired, observed, memory)
        case steps.Bury():
            yield from bury(step, desired, observed, memory)
        case steps.AwaitGone():
            yield from await_gone(step, desired, observed, memory)
        case steps.DropRecord():
            yield from forget(step, desired, observed, memory)
        case _:
            assert_never(step)


def _keys(step: steps.KeyStep, desired: Desired, observed: Observed, memory: Memory) -> Effects[None]:
    match step:
        case steps.AddKey():
            yield from add_key(step, desired, observed, memory)
        case steps.DropKeys():
            yield from drop_keys(step, desired, observed, memory)
        case _:
            assert_never(step)


def _power(step: steps.PowerStep, desired: Desired, observed: Observed, memory: Memory) -> Effects[None]:
    match step:
        case steps.Wake():
            yield from wake(step, desired, observed, memory)
        case steps.Strand():
            yield from strand(step, desired, observed, memory)
        case steps.Stop():
            yield from stop(step, desired, observed, memory)
        case steps.AwaitStop():
            yield from await_stop(step, desired, observed, memory)
        case _:
            assert_never(step)
