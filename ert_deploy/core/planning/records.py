"""Steps shared by all phases: record instances that were found, and remove entries of instances that no longer exist.

Instances that exist already are recorded first. Retired ones are deleted, checked to be absent, and only then removed
from the state.
"""

from __future__ import annotations

from collections.abc import Iterator

from ert_deploy.core.model import steps
from ert_deploy.core.model.moment import MARGIN
from ert_deploy.core.model.observed import Instance, Observed
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.state import Intent, State
from ert_deploy.core.model.steps import Step
from ert_deploy.core.planning.situation import Situation


def reconcile_records(situation: Situation) -> Iterator[Step]:
    """Yield the steps that have to precede all other steps."""
    yield from written_down(situation)
    if situation.observed.state.tombstones:
        yield from pending_deletions(situation)
    if situation.observed.state.intents:
        yield from expired(situation)


def written_down(situation: Situation) -> Iterator[Step]:
    """Record marked instances without a record: found after an abort or without a state."""
    for candidate in situation.candidates:
        mark = candidate.instance.mark
        if candidate.record is None and mark is not None:
            known = any(i.token == mark.token for i in situation.observed.state.intents)
            reason = "our create call made it" if known else "it carries our marks and was not in the state"
            yield steps.RecordInstance(candidate.instance.id, mark.token, reason)
    if situation.observed.state.records:
        yield from vanished(situation.observed)


def vanished(observed: Observed) -> Iterator[Step]:
    """Drop records of instances that are not in the listing; one without a mark is left to the user."""
    listed = {i.id for i in observed.instances}
    for record in observed.state.records:
        if record.id not in listed:
            yield steps.DropRecord(record.id, "it is not in a complete listing")


def without_record(situation: Situation, instance_id: InstanceId) -> State:
    """Return the state without the record of an instance that neither the listing nor a read by id has.

    Until the settle time has passed, it is treated like a create without a response and gets an `Intent` again; except
    if another record has its token, as after cloning it at the provider.
    """
    observed, settle = situation.observed, situation.desired.timings.settle
    state, record = observed.state.drop_record(instance_id), observed.state.record(instance_id)
    cloned = record is not None and any(other.token == record.token for other in state.records)
    if record is not None and not cloned and observed.age(record.token, record.at, MARGIN) < settle:
        return state.intend(Intent(record.token, record.at, "", record.machine_id, False, record.host_id, record.ip))
    return state


def pending_deletions(situation: Situation) -> Iterator[Step]:
    """Delete retired instances, fewest attempts first, so that one that fails does not block the next.

    One without a mark is left to the user. One that was attempted recently is left to `lingering`: it occupies a slot,
    but does not block other steps.
    """
    for step in _last_steps(situation):
        if situation.observed.due.get(step, 0.0) <= situation.observed.now:
            yield step
            if isinstance(step, steps.Destroy):
                yield steps.ConfirmDeleted(step.instance_id, "seen gone")


def lingering(situation: Situation) -> Iterator[Step]:
    """Wait for instances to delete that were still present at the last attempt; used when no other step is left."""
    due, now = situation.observed.due, situation.observed.now
    waiting = [step for step in _last_steps(situation) if due.get(step, 0.0) > now]
    for step in sorted(waiting, key=lambda s: due[s]):
        yield steps.AwaitGone(step.instance_id, due[step], "it is not seen gone yet")


def _last_steps(situation: Situation) -> Iterator[steps.Destroy | steps.ConfirmDeleted]:
    """Yield the next step of each tombstone: destroy the instance while it is listed, else read it by id."""
    observed = situation.observed
    listed, mine = {i.id for i in observed.instances}, {i.id for i in situation.ours}
    for tombstone in sorted(observed.state.tombstones, key=lambda t: observed.tries.get(t.id, 0)):
        if tombstone.id in listed and tombstone.id not in mine:
            continue
        if tombstone.id in listed:
            yield steps.Destroy(tombstone.id, tombstone.reason)
        else:
            yield steps.ConfirmDeleted(tombstone.id, "seen gone")


def expired(situation: Situation) -> Iterator[Step]:
    """Drop creates without a trace after the settle time; an instance with only the `label` is left to the user."""
    observed = situation.observed
    seen = {i.mark.token for i in situation.ours if i.mark is not None} | _labels(observed)
    for intent in observed.state.intents:
        age = observed.age(intent.token, intent.at, MARGIN)
        if intent.token not in seen and age >= situation.desired.timings.settle:
            yield steps.DropIntent(intent.token, f"no trace of it after {age:.0f} s")


def taken(situation: Situation) -> Iterator[Step]:
    """Drop creates whose offer was taken: they remain while more is rented, but `down` does not wait for them."""
    seen = {i.mark.token for i in situation.ours if i.mark is not None} | _labels(situation.observed)
    for intent in situation.observed.state.intents:
        if intent.gone and intent.token not in seen:
            yield steps.DropIntent(intent.token, "its offer was taken")


def unsettled(situation: Situation) -> Iterator[Step]:
    """Wait for creates whose instance may still appear, except those whose offer was reported as taken."""
    observed, settle = situation.observed, situation.desired.timings.settle
    seen = {i.mark.token for i in observed.instances if i.mark is not None} | _labels(observed)
    for intent in observed.state.intents:
        left = settle - observed.age(intent.token, intent.at, MARGIN)
        if left > 0 and not intent.gone and intent.token not in seen:
            yield steps.Settle(intent.token, observed.now + left, "a create call with unknown outcome")


def unknown(situation: Situation) -> Iterator[Step]:
    """Wait for creates that are not in the state, because it did not exist or could not be read."""
    left = unknown_for(situation)
    if left > 0:
        until = situation.observed.now + left
        yield steps.Settle("", until, "the state was blank or unreadable; a create may be under way")


def unknown_for(situation: Situation) -> float:
    """Return the seconds during which an instance of a create without state may still appear; 0 afterwards."""
    observed, settle = situation.observed, situation.desired.timings.settle
    begun = observed.state.begun
    return max(0.0, settle - observed.age("", begun, MARGIN)) if begun else 0.0


def _labels(observed: Observed) -> set[str]:
    return {i.label_token for i in observed.instances if i.label_token}


def turn(situation: Situation) -> Iterator[Step]:
    """Wait, as a replica that may not rent yet: first for creates of its own, and then for the other replicas."""
    yield from unsettled(situation)
    yield steps.AwaitTurn(None, "another replica has a second instance")


def retire(instance: Instance, reason: str, *, deny: bool = False, end: str = "") -> Step:
    """Return the first step of removing an instance."""
    token = instance.mark.token if instance.mark is not None else ""
    return steps.Retire(instance.id, token, instance.machine_id, reason, deny, end)
