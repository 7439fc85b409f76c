"""Assumed effect of one step: the actual state after it, if it succeeds at once. One function for each type of step.

It has no effect on anything: the engine executes the steps, and these values are for a forecast alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeAlias

from ert_deploy.core.model import steps
from ert_deploy.core.model.labels import Mark
from ert_deploy.core.model.observed import Address, Health, Instance, Observed, Power, Vital
from ert_deploy.core.model.stamps import stamps
from ert_deploy.core.model.state import InstanceRecord, Tombstone
from ert_deploy.core.model.steps import Step
from ert_deploy.core.planning.adoption import as_found
from ert_deploy.core.planning.changes.differences import guard_of, limits_of
from ert_deploy.core.planning.forecast.assumed_apps import deployed, marked, proven, written
from ert_deploy.core.planning.forecast.edits import instance_of, later, with_instance, with_record, with_state
from ert_deploy.core.planning.forecast.unknown import (
    CERTIFICATE,
    MACHINE,
    NEW,
    PLACE,
    TOKEN,
    key_of,
)
from ert_deploy.core.planning.key_acceptance import forgotten, with_key
from ert_deploy.core.planning.records import without_record
from ert_deploy.core.planning.situation import Situation
from ert_deploy.core.planning.sleep import start_may_come

Change: TypeAlias = Callable[[Situation, Any], Observed]
_URL = re.compile(r"https://([^:/]+):(\d{1,5})")


def assumed(situation: Situation, step: Step) -> Situation:
    """Return the situation after this step."""
    observed = _AFTER[type(step)](situation, step)
    known = {stamp: observed.now for stamp in stamps(observed.state)}
    return Situation(situation.desired, replace(observed, first_seen={**known, **observed.first_seen}))


def _recorded(situation: Situation, step: steps.RecordInstance) -> Observed:
    observed = situation.observed
    instance = instance_of(observed, step.instance_id)
    record = as_found(observed, instance, step.token)
    found = with_state(observed, situation.claimed().put_record(record))
    health = observed.health.get(instance.id)
    answers = health is not None and health.vital is Vital.HEALTHY
    return _relearned(situation, found, instance) if answers and forgotten(record) else found


def _relearned(situation: Situation, observed: Observed, instance: Instance) -> Observed:
    """Its backend reports that it accepts the key that an app has for it."""
    beside = tuple(d for d in situation.keys_beside(instance) if d not in instance.key_hashes)
    return with_record(observed, instance.id, keys=beside) if beside else observed


def _rented(situation: Situation, _: steps.Rent) -> Observed:
    """Add an instance that fits the config and has not responded yet."""
    desired, observed = situation.desired, situation.observed
    mark = Mark(desired.deployment, TOKEN)
    closed = key_of("a closed key").sha256()
    made = Instance(
        id=NEW, mark=mark, claims=desired.deployment, power=Power.RUNNING, machine_id=MACHINE,
        spec=desired.launch.spec(), key_hashes=(closed,), born=mark, owner=situation.birth_owner, label_token=TOKEN,
    )  # fmt: skip
    record = InstanceRecord(TOKEN, NEW, MACHINE, observed.stamp(), keys=(closed,))
    return replace(observed, instances=(*observed.instances, made), state=situation.claimed().put_record(record))


def _booted(situation: Situation, step: steps.AwaitBoot) -> Observed:
    """It proves its identity and is healthy, at the address and with the certificate that it had."""
    observed = situation.observed
    assert step.instance_id is not None, "a step that is taken names its instance"
    record = observed.state.record(step.instance_id)
    assert record is not None, "the plan records it first"
    instance = instance_of(observed, record.id)
    told = tuple(_told(situation))
    mine = [(at, pem) for at, pem in told if at == instance.address or pem == record.certificate]
    if not mine and record.published and not record.certificate:  # its record was lost: it is that of an app
        elsewhere = {i.address for i in observed.instances}
        mine = [(at, pem) for at, pem in told if at not in elsewhere]
    at, pem = mine[0] if mine else (PLACE, CERTIFICATE)
    found = with_instance(observed, instance.id, address=instance.address or at, power=Power.RUNNING)
    before, created = observed.health.get(instance.id), guard_of(instance)
    limits = before.limits if before is not None else limits_of(created) if created is not None else None
    healthy = Health(Vital.HEALTHY, certificate=record.certificate or pem, limits=limits)
    return replace(found, health={**found.health, instance.id: healthy})


def _told(situation: Situation) -> Iterator[tuple[Address, str]]:
    """Yield the address and the certificate that each app has."""
    for target, publication in situation.targets:
        url, pem = publication.env.get(target.names.url), publication.env.get(target.names.certificate)
        found = _URL.fullmatch(url.reveal()) if url is not None else None
        if found is not None and pem is not None:
            yield Address(found[1], int(found[2])), pem.reveal()


def _keyed(situation: Situation, step: steps.AddKey) -> Observed:
    observed = situation.observed
    assert step.instance_id is not None, "a step that is taken names its instance"
    instance, record = instance_of(observed, step.instance_id), observed.state.record(step.instance_id)
    assert record is not None, "the plan records it first"
    published = instance.id in {c.instance.id for c in situation.candidates if c.published}
    if published and forgotten(record) and (told := _relearned(situation, observed, instance)) is not observed:
        return told
    new = key_of(instance.id)
    hashes = with_key(instance, record, new.sha256(), situation.held_keys, published=published)
    made = replace(observed, made={**observed.made, instance.id: new})
    return with_record(made, instance.id, keys=hashes, asked=())


def _dropped_keys(situation: Situation, step: steps.DropKeys) -> Observed:
    key = situation.current_key(instance_of(situation.observed, step.instance_id))
    keys = (key.sha256(),) if key is not None else ()
    return with_record(situation.observed, step.instance_id, keys=keys, asked=())


def _limited(situation: Situation, step: steps.SetLimits) -> Observed:
    observed = situation.observed
    limits = (step.idle_stop, step.boot_deadline, step.max_lifetime)
    known = replace(observed.health[step.instance_id], limits=limits)
    return replace(observed, health={**observed.health, step.instance_id: known})


def _pinned(situation: Situation, step: steps.Pin) -> Observed:
    certificate = situation.observed.health[step.instance_id].certificate or ""
    pinned = with_record(situation.observed, step.instance_id, certificate=certificate, stranded=0.0)
    named = situation.desired.machine_secret is not None
    return with_record(pinned, step.instance_id, published=True) if named else pinned


def _woken(situation: Situation, step: steps.Wake) -> Observed:
    observed = with_instance(situation.observed, step.instance_id, power=Power.RUNNING, ended=False)
    asked = replace(observed, stopped=observed.stopped - {step.instance_id})
    return with_record(asked, step.instance_id, woken=observed.stamp())


def _stranded(situation: Situation, step: steps.Strand) -> Observed:
    return with_record(situation.observed, step.instance_id, stranded=situation.observed.stamp())


def _stopping(situation: Situation, step: steps.Stop) -> Observed:
    """It stops. A start that may still take effect is remembered, as another stop has to follow it."""
    observed, record = situation.observed, situation.observed.state.record(step.instance_id)
    power = Power.STOPPED if instance_of(observed, step.instance_id).stopped else Power.STOPPING
    asked = replace(observed, stopped=observed.stopped | {step.instance_id})
    found = with_instance(asked, step.instance_id, power=power)
    if record is not None and record.woken and start_may_come(record, situation):
        return found
    return with_record(found, step.instance_id, woken=0.0)


def _stopped(situation: Situation, step: steps.AwaitStop) -> Observed:
    observed = with_instance(situation.observed, step.instance_id, power=Power.STOPPED, ended=True)
    return later(observed, observed.now + situation.desired.timings.settle)


def _drained(situation: Situation, step: steps.Drain) -> Observed:
    observed = situation.observed
    return later(observed, step.until if step.until is not None else observed.now + situation.desired.timings.drain)


def _retired(situation: Situation, step: steps.Retire) -> Observed:
    observed = situation.observed
    tombstone = Tombstone(step.token, step.instance_id, observed.stamp(), step.reason)
    return with_state(observed, observed.state.mark_for_deletion(tombstone))


def _destroyed(situation: Situation, step: steps.Destroy) -> Observed:
    """It is gone, and what was tried less often comes first."""
    observed, number = situation.observed, step.instance_id
    left = tuple(i for i in observed.instances if i.id != number)
    return replace(observed, instances=left, tries={**observed.tries, number: observed.tries.get(number, 0) + 1})


def _gone(situation: Situation, step: steps.ConfirmDeleted | steps.AwaitGone) -> Observed:
    observed = situation.observed
    left = tuple(i for i in observed.instances if i.id != step.instance_id)
    return replace(observed, instances=left, state=observed.state.confirm_deleted(step.instance_id))


def _turn(situation: Situation, step: steps.AwaitTurn) -> Observed:
    observed = situation.observed
    until = step.until if step.until is not None else observed.now + situation.desired.timings.poll
    return later(replace(observed, others=replace(observed.others, crowded=0, join=0.0)), until)


def _forgotten(situation: Situation, step: steps.DropRecord) -> Observed:
    return with_state(situation.observed, without_record(situation, step.instance_id))


def _settled(situation: Situation, step: steps.Settle) -> Observed:
    return later(situation.observed, step.until)


def _excluded(situation: Situation, step: steps.DropIntent) -> Observed:
    return with_state(situation.observed, situation.observed.state.drop_intent(step.token))


_AFTER: Mapping[type[Step], Change] = {
    steps.RecordInstance: _recorded,
    steps.DropIntent: _excluded,
    steps.DropRecord: _forgotten,
    steps.Settle: _settled,
    steps.WriteMarkers: marked,
    steps.Rent: _rented,
    steps.AwaitBoot: _booted,
    steps.Pin: _pinned,
    steps.Wake: _woken,
    steps.Strand: _stranded,
    steps.Stop: _stopping,
    steps.AwaitStop: _stopped,
    steps.Publish: written,
    steps.Deploy: deployed,
    steps.Prove: proven,
    steps.AddKey: _keyed,
    steps.DropKeys: _dropped_keys,
    steps.SetLimits: _limited,
    steps.Drain: _drained,
    steps.Retire: _retired,
    steps.Destroy: _destroyed,
    steps.ConfirmDeleted: _gone,
    steps.AwaitGone: _gone,
    steps.AwaitTurn: _turn,
}
