"""apply(desired): look, plan, do the first step, look again, until nothing is left to do.

This generator is the whole engine. It yields effects and decides nothing that `plan` does not decide.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import assert_never

from ert_deploy.core.model import steps
from ert_deploy.core.model.desired import Desired, Phase
from ert_deploy.core.model.errors import ErtError, NeedsAttention, StateConflict, Transient
from ert_deploy.core.model.events import Retired, Started, Trouble, Verified
from ert_deploy.core.model.fingerprints import certificate_sha256
from ert_deploy.core.model.observed import Instance, Observed
from ert_deploy.core.model.state import Record, Tombstone
from ert_deploy.core.model.steps import Step
from ert_deploy.core.planning.adoption import adopted
from ert_deploy.core.planning.candidates import kept_key
from ert_deploy.core.planning.ownership import claim
from ert_deploy.core.planning.plan import next_step
from ert_deploy.engine import effects as e
from ert_deploy.engine.decide import look_again, must_be_decided
from ert_deploy.engine.effects import Effects, perform
from ert_deploy.engine.keep import kept_serving
from ert_deploy.engine.keys import add_key, drop_keys, relearn
from ert_deploy.engine.memory import Memory
from ert_deploy.engine.observe import abandon, patiently
from ert_deploy.engine.power import await_stop, stop, strand, wake
from ert_deploy.engine.preflight import preflight
from ert_deploy.engine.publish import deploy, prove, publish
from ert_deploy.engine.records.waiting import await_boot, wait
from ert_deploy.engine.rent import keep_key, rent
from ert_deploy.engine.retire import bury, destroy, forget, retire

MAX_CONFLICTS = 20
MAX_TAKEN = 8
# Steps that wait, or that count their own tries; any other one has to have an effect when it is taken.
REPEATABLE = (
    steps.AwaitBoot, steps.Settle, steps.Drain, steps.Rent, steps.Destroy, steps.Bury, steps.DropRecord, steps.Wake,
    steps.Strand, steps.Stop, steps.AwaitStop,
)  # fmt: skip
MAKES_ANOTHER = (steps.KeepKey, steps.Rent)  # not while another may be ours
ABOUT_AN_APP = (steps.Publish, steps.Deploy, steps.Prove)


@dataclass(frozen=True, slots=True)
class Result:
    """How the run ended: the last look, and targets that could not be updated with the reason.

    `left` is what a person has to see to: what serves is not what the config asks for, and nothing can replace it.
    """

    observed: Observed
    abandoned: tuple[tuple[str, str], ...] = ()
    left: NeedsAttention | None = None


def apply(desired: Desired, memory: Memory | None = None) -> Effects[Result]:
    """Make it so. Raises Failed, NeedsAttention or CannotObserve; running it again goes on from what is seen."""
    memory = memory or Memory()
    while True:
        observed = yield from patiently(desired, memory)
        if memory.looks == 1:
            yield from preflight(desired, observed, memory)
        step = next_step(desired, observed)
        if (step is None or isinstance(step, MAKES_ANOTHER)) and (yield from look_again(desired, observed, memory)):
            continue
        if step is None:
            return Result(observed, tuple(sorted(memory.abandoned.items())), kept_serving(desired, observed, memory))
        try:
            yield from _do(step, desired, observed, memory)
        except StateConflict as error:
            memory.conflicts += 1
            if memory.conflicts > MAX_CONFLICTS:
                raise NeedsAttention("somebody else keeps writing the state", error.summary) from error
        else:
            _must_work(step, memory)


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
        case steps.Rent():
            yield from rent(desired, observed, memory)
        case steps.KeepKey() | steps.AddKey() | steps.DropKeys():
            yield from _keys(step, desired, observed, memory)
        case steps.Retire():
            yield from retire(step, desired, observed, memory)
        case steps.Destroy():
            yield from destroy(step, desired, memory)
        case steps.Bury():
            yield from bury(step, desired, observed, memory)
        case steps.DropRecord():
            yield from forget(step, desired, observed, memory)
        case steps.Wake() | steps.Strand() | steps.Stop() | steps.AwaitStop():
            yield from _power(step, desired, observed, memory)
        case _:
            yield from _small(step, desired, observed, memory)


def _keys(step: steps.KeyStep, desired: Desired, observed: Observed, memory: Memory) -> Effects[None]:
    match step:
        case steps.KeepKey():
            yield from keep_key(desired, observed, memory)
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
            yield from strand(step, desired, observed)
        case steps.Stop():
            yield from stop(step, desired, observed, memory)
        case steps.AwaitStop():
            yield from await_stop(step, desired, observed, memory)
        case _:
            assert_never(step)


def _small(step: steps.SmallStep, desired: Desired, observed: Observed, memory: Memory) -> Effects[None]:
    match step:
        case steps.Record():
            yield from _record(step, desired, observed)
        case steps.DropIntent():
            yield from perform(e.Save(observed.state.drop_intent(step.token)))
            memory.spending.pop(step.token, None)  # it never came to exist
        case steps.Pin():
            yield from _pin(step, desired, observed)
        case steps.AwaitBoot():
            yield from await_boot(step, desired, observed, memory)
        case steps.Settle():
            yield from wait("a create call to show itself or be ruled out", step.until, desired, observed)
        case steps.Drain():
            yield from wait("requests under way", step.until, desired, observed)
        case _:
            assert_never(step)


def _record(step: steps.Record, desired: Desired, observed: Observed) -> Effects[None]:
    instance = _instance(observed, step.instance_id)
    intent = next((i for i in observed.state.intents if i.token == step.token), None)
    if intent is not None:
        found = Record(step.token, instance.id, instance.machine_id, intent.at)
    else:
        found = adopted(instance, observed.now)
    record = yield from relearn(found, desired, observed)
    if record is not None:
        yield from perform(e.Save(claim(desired, observed).put_record(record)))


def _pin(step: steps.Pin, desired: Desired, observed: Observed) -> Effects[None]:
    """Pin the certificate, after the backend has shown that it takes our key: the first keyed call claims it."""
    instance = _instance(observed, step.instance_id)
    health, record, key = observed.health[instance.id], observed.state.record(instance.id), kept_key(desired, observed)
    # The plan pins nothing else.
    assert health.certificate is not None
    assert instance.address is not None
    assert record is not None
    assert key is not None
    try:
        accepted = yield from perform(e.Accepts(instance.address, health.certificate, key))
    except Transient as error:
        yield from perform(e.Tell(Trouble("asking the backend about the key", error.summary)))
        yield from perform(e.Sleep(desired.timings.poll))
        return
    if not accepted:
        reason = "it does not take the key the app holds"
        tombstone = Tombstone(record.token, instance.id, observed.now, reason)
        yield from perform(e.Save(observed.state.entomb(tombstone)))
        yield from perform(e.Tell(Retired(instance.id, reason)))
        return
    pinned = replace(record, certificate=health.certificate)
    yield from perform(e.Save(observed.state.put_record(pinned)))
    yield from perform(e.Tell(Verified(instance, health, certificate_sha256(health.certificate))))


def _instance(observed: Observed, instance_id: int) -> Instance:
    return next(i for i in observed.instances if i.id == instance_id)
