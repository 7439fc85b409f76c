"""Small steps: one write to the state, or a wait."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from ert_deploy.core.model import steps
from ert_deploy.core.model.desired import Desired
from ert_deploy.core.model.errors import Transient
from ert_deploy.core.model.events import Retired, Trouble, Verified
from ert_deploy.core.model.fingerprints import certificate_sha256
from ert_deploy.core.model.observed import Instance, Observed, Vital
from ert_deploy.core.model.state import Record, Tombstone
from ert_deploy.core.planning.adoption import adopted
from ert_deploy.core.planning.current_key import current_key
from ert_deploy.core.planning.health import ENDED
from ert_deploy.core.planning.ownership import claim
from ert_deploy.engine import effects as e
from ert_deploy.engine.effects import Effects, perform
from ert_deploy.engine.keys import relearn
from ert_deploy.engine.memory import Memory
from ert_deploy.engine.records.waiting import await_boot, wait


def small_step(step: steps.SmallStep, desired: Desired, observed: Observed, memory: Memory) -> Effects[None]:
    """Write down what was found, forget what is over, pin, or wait."""
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
        found = Record(step.token, instance.id, instance.machine_id, intent.at, keys=instance.key_hashes)
    else:
        health = observed.health.get(instance.id)
        answers = health is not None and health.vital in (Vital.HEALTHY, Vital.UNREACHABLE)
        served = instance.halted and instance.status in ENDED
        found = adopted(instance, observed.stamp(), may_serve=served or (answers and instance.status == "running"))
    record = yield from relearn(found, desired, observed)
    if record is not None:
        yield from perform(e.Save(claim(desired, observed).put_record(record)))


def _pin(step: steps.Pin, desired: Desired, observed: Observed) -> Effects[None]:
    """Pin the certificate, after the backend has shown that it takes our key: the first keyed call claims it.

    A start of it that was given up has come all the same: it serves, and is not given up for one look that fails.
    """
    instance = _instance(observed, step.instance_id)
    health, record = observed.health[instance.id], observed.state.record(instance.id)
    key = current_key(desired, observed, instance)
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
    if not accepted and record.certificate and (record.keys or record.asked):
        # Its disk is another one, such as after a recycle in the console: it takes what it was created with.
        yield from perform(e.Tell(Trouble("asking the backend about the key", "it has forgotten what it was told")))
        yield from perform(e.Save(observed.state.put_record(replace(record, keys=(), asked=()))))
        return
    if not accepted:
        reason = "it does not take the key the app holds"
        tombstone = Tombstone(record.token, instance.id, observed.stamp(), reason)
        yield from perform(e.Save(observed.state.entomb(tombstone)))
        yield from perform(e.Tell(Retired(instance.id, reason)))
        return
    pinned = replace(record, certificate=health.certificate, stranded=0.0)
    yield from perform(e.Save(observed.state.put_record(pinned)))
    yield from perform(e.Tell(Verified(instance, health, certificate_sha256(health.certificate))))


def _instance(observed: Observed, instance_id: int) -> Instance:
    return next(i for i in observed.instances if i.id == instance_id)
