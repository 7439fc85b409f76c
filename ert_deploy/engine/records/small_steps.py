"""Handlers of steps that make one write to the state."""

from __future__ import annotations

from ert_deploy.core.model import steps
from ert_deploy.core.model.errors import NeedsAttention, Transient
from ert_deploy.core.model.events import Retired, Trouble, Verified
from ert_deploy.core.model.keys import certificate_sha256
from ert_deploy.core.model.observed import Instance, Observed
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.quick_dataclass import changed
from ert_deploy.core.model.state import InstanceRecord, Tombstone
from ert_deploy.core.planning.adoption import as_found
from ert_deploy.core.planning.key_acceptance import forgotten
from ert_deploy.core.planning.unpublished.known import unknown_to_apps
from ert_deploy.engine.effects import Effects, ask
from ert_deploy.engine.keys import relearn
from ert_deploy.engine.records.endings import succeeded
from ert_deploy.engine.run_context import Run
from ert_deploy.ports import Audience, BackendProbe, Clock, StateStore


def drop_intent(step: steps.DropIntent, run: Run) -> Effects[None]:
    """Remove the `Intent` and the `Rental` of a create that left no instance."""
    yield from ask(StateStore.save, run.observed.state.drop_intent(step.token))
    run.memory.spending.pop(step.token, None)


def write_down(step: steps.RecordInstance, run: Run) -> Effects[None]:
    """Create the record of an instance that was found, with the accepted keys."""
    instance = _instance(run.observed, step.instance_id)
    found = as_found(run.observed, instance, step.token)
    record = yield from relearn(found, run.situation)
    if record is not None:
        yield from ask(StateStore.save, run.situation.claimed().put_record(record))


def pin(step: steps.Pin, run: Run) -> Effects[None]:
    """Pin the certificate after the backend has accepted the key: the first call with a key claims it.

    If a start was given up but succeeded, this is cleared, so that one failed check does not remove it. Of one that was
    found the keys are read first; it counts as published from then on, as an app may have known it before.
    """
    instance = _instance(run.observed, step.instance_id)
    health, record = run.observed.health[instance.id], run.observed.state.record(instance.id)
    key = run.situation.current_key(instance)
    # The plan pins no other instance.
    assert health.certificate is not None
    assert instance.address is not None
    assert record is not None
    assert key is not None
    if forgotten(record):
        learned = yield from relearn(record, run.situation)
        if learned is not record:
            if learned is not None:
                yield from ask(StateStore.save, run.observed.state.put_record(changed(learned, published=True)))
            return
    try:
        accepted = yield from ask(BackendProbe.accepts, instance.address, health.certificate, key)
    except Transient as error:
        yield from ask(Audience.tell, Trouble("asking the backend about the key", error.summary))
        yield from ask(Clock.sleep, run.desired.timings.poll)
        return
    if not accepted:
        yield from _without_its_key(record, run)
        return
    named = run.desired.machine_secret is not None  # agents name it to apps from now on, and these have its key
    pinned = changed(record, certificate=health.certificate, stranded=0.0, published=record.published or named)
    state = run.observed.state if record.certificate else succeeded(run.observed.state, instance, run)
    yield from ask(StateStore.save, state.put_record(pinned))
    yield from ask(Audience.tell, Verified(instance, health, certificate_sha256(health.certificate)))


def _without_its_key(record: InstanceRecord, run: Run) -> Effects[None]:
    """Forget the keys of an instance that does not take its own, or retire it.

    Where it may serve an app that this run does not read, it stays. Raises NeedsAttention if its keys are unknown then.
    """
    found = next(c for c in run.situation.candidates if c.instance.id == record.id)
    kept = not run.desired.publishes and not unknown_to_apps(found)
    if (record.certificate or kept) and (record.keys or record.asked):
        # The disk was replaced, as by a recycle at the provider: it accepts the initial keys.
        yield from ask(Audience.tell, Trouble("asking the backend about the key", "it no longer has the key"))
        yield from ask(StateStore.save, run.observed.state.put_record(changed(record, keys=(), asked=())))
        return
    reason = "it does not take the key the app holds"
    if kept:
        raise NeedsAttention(
            f"an app may run with instance {record.id} and an unknown key",
            "its record was lost, and its image is too old to list its keys",
            "`ert-deploy up` where a key of the web host is set",
        )
    tombstone = Tombstone(record.token, record.id, run.observed.stamp(), reason)
    yield from ask(StateStore.save, run.observed.state.mark_for_deletion(tombstone))
    yield from ask(Audience.tell, Retired(record.id, reason))


def _instance(observed: Observed, instance_id: InstanceId) -> Instance:
    return next(i for i in observed.instances if i.id == instance_id)
