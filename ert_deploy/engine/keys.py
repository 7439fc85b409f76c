"""Changes of a backend's keys: read, claim, set, record. Idempotent and safe for concurrent runs.

First the generation of the keys is read, then the change is stored, then it is requested, then the response is
recorded. If two runs change keys concurrently, the state denies the one that read it before the other claimed, and the
backend the one whose generation is too low: the last successful change determines the valid keys.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ert_deploy.core.model import steps
from ert_deploy.core.model.errors import Failed, NeedsAttention, Rejected, Transient
from ert_deploy.core.model.events import KeysSet, LimitsSet, Trouble
from ert_deploy.core.model.keys import KEY_BYTES, make_key
from ert_deploy.core.model.machine.derived_keys import next_key
from ert_deploy.core.model.observed import Address, Instance, Observed, Vital
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.model.state import InstanceRecord
from ert_deploy.core.planning.key_acceptance import forgotten, named, takes, with_key
from ert_deploy.core.planning.situation import Situation
from ert_deploy.engine.effects import Effects, ask
from ert_deploy.engine.run_context import Run
from ert_deploy.ports import Audience, BackendProbe, Clock, Entropy, StateStore

MAX_UNANSWERED = 6  # changes without response per run before NeedsAttention is raised


def add_key(step: steps.AddKey, run: Run) -> Effects[None]:
    """Create a key, stored only in memory, and add it to those that an app may use.

    Before an app uses the instance, the initial key is removed, as no app has it. A key that another run adds
    concurrently is kept. If the original record is missing, the keys are read from the backend first.
    """
    assert step.instance_id is not None, "the plan adds it to a responding backend"
    instance, record = _known(step.instance_id, run.observed)
    published = instance.id in {c.instance.id for c in run.situation.candidates if c.published}
    if published and forgotten(record):
        record = replace(record, published=True)  # also once its keys are known
        learned = yield from relearn(record, run.situation)
        if learned is not record:
            if learned is not None:
                yield from ask(StateStore.save, run.observed.state.put_record(learned))
            return
        if run.situation.runs_with(instance):
            raise NeedsAttention(
                f"an app runs with instance {instance.id} and an unknown key",
                "the state was lost, and its image is too old to list its keys; another key would replace that one",
                "`ert-deploy down`, and then `ert-deploy up`",
            )
    if instance.id not in run.memory.made:
        derived = next_key(run.desired, instance, (*record.keys, *record.asked))
        run.memory.made[instance.id] = derived or make_key((yield from ask(Entropy.token_bytes, KEY_BYTES)))
    new = run.memory.made[instance.id].sha256()
    hashes = with_key(instance, record, new, run.situation.held_keys, published=published)
    yield from _set(record, hashes, run)


def drop_keys(step: steps.DropKeys, run: Run) -> Effects[None]:
    """Make the backend accept only the key that the apps use."""
    instance, record = _known(step.instance_id, run.observed)
    key = run.situation.current_key(instance)
    assert key is not None, "the plan drops no key where none is known"
    yield from _set(record, (key.sha256(),), run)


def set_limits(step: steps.SetLimits, run: Run) -> Effects[None]:
    """Send the limits of the guard to the backend, with the right to change its keys."""
    instance, _ = _known(step.instance_id, run.observed)
    limits = (step.idle_stop, step.boot_deadline, step.max_lifetime)
    address, certificate = _address(instance), _proven(instance, run.observed)
    try:
        yield from ask(BackendProbe.set_limits, address, certificate, instance.boot_secret, limits)
    except Rejected as error:
        raise Failed(
            f"the guard of instance {instance.id} does not take its limits: {error.summary}",
            error.detail,
            "`ert-deploy down`, and then `ert-deploy up`, rents a machine with them",
        ) from error
    except Transient as error:
        yield from ask(Audience.tell, Trouble("sending the limits of the guard", error.summary))
        yield from ask(Clock.sleep, run.desired.timings.poll)
        return
    yield from ask(Audience.tell, LimitsSet(instance.id, *limits))


def relearn(record: InstanceRecord, situation: Situation) -> Effects[InstanceRecord | None]:
    """Return the record with the keys of a backend whose original record is missing.

    If the image is too old to report them, the backend is asked only about keys that apps have along with the address
    or certificate: it has received those already, or cannot use them elsewhere. None: it did not respond now.
    """
    instance = next(i for i in situation.observed.instances if i.id == record.id)
    health, held = situation.observed.health.get(record.id), situation.keys_beside(instance)
    if health is None or health.vital is not Vital.HEALTHY or health.certificate is None:
        return record
    try:
        if hashes := (yield from _in_force(instance, health.certificate)):
            return replace(record, keys=hashes)
        if all(digest in instance.key_hashes for digest in held):
            return record
        accepted = yield from _accepted(_address(instance), health.certificate, held)
    except Transient as error:
        yield from ask(Audience.tell, Trouble("asking a backend that is not in the state about the key", error.summary))
        yield from ask(Clock.sleep, situation.desired.timings.poll)
        return None
    # Apps are updated in their order, so the key of the first app was added last.
    later = tuple(digest for digest in reversed(accepted) if digest not in instance.key_hashes)
    # It may accept the initial key too, as after a change that was interrupted before the end.
    return replace(record, keys=(*instance.key_hashes, *later), asked=accepted) if later else record


def _in_force(instance: Instance, certificate: str) -> Effects[tuple[str, ...]]:
    """Return the SHA-256 of the accepted keys, oldest first; empty if the image is too old. Raises Transient."""
    try:
        return (yield from ask(BackendProbe.keys_in_force, _address(instance), certificate, instance.boot_secret))[1]
    except Rejected:
        return ()


def _accepted(address: Address, certificate: str, held: Mapping[str, Secret]) -> Effects[tuple[str, ...]]:
    """Return those of the given keys, by hash, that it accepts. Raises Transient."""
    taken: list[str] = []
    for digest, key in held.items():
        if (yield from ask(BackendProbe.accepts, address, certificate, key)):
            taken.append(digest)
    return tuple(taken)


def _set(record: InstanceRecord, hashes: tuple[str, ...], run: Run) -> Effects[None]:
    instance, _ = _known(record.id, run.observed)
    address, certificate, secret = _address(instance), _proven(instance, run.observed), instance.boot_secret
    try:
        generation, _ = yield from ask(BackendProbe.keys_in_force, address, certificate, secret)
        claimed = replace(record, keys=takes(instance, record), asked=hashes)
        written = yield from ask(StateStore.save, run.observed.state.put_record(claimed))
        yield from ask(BackendProbe.set_keys, address, certificate, secret, generation + 1, hashes)
    except Rejected as error:
        raise Failed(
            f"the backend of instance {instance.id} does not have its keys changed: {error.summary}",
            error.detail,
            "an image from before keys could be changed cannot do it: build and push a newer one, then `ert-deploy up`",
        ) from error
    except Transient as error:
        yield from _unanswered(error, run)
        return
    yield from ask(StateStore.save, written.put_record(replace(record, keys=hashes, asked=())))
    yield from ask(Audience.tell, KeysSet(instance.id, tuple(named(digest) for digest in hashes)))


def _unanswered(error: Transient, run: Run) -> Effects[None]:
    run.memory.unanswered += 1
    if run.memory.unanswered >= MAX_UNANSWERED:
        raise NeedsAttention(
            f"the backend did not respond to {MAX_UNANSWERED} attempts to change its keys",
            error.summary,
            "the key in use is still valid; `ert-deploy up` updates the keys once the backend responds",
        ) from error
    yield from ask(Audience.tell, Trouble("changing the keys of the backend", error.summary))
    yield from ask(Clock.sleep, run.desired.timings.poll)


def _known(number: InstanceId, observed: Observed) -> tuple[Instance, InstanceRecord]:
    record = observed.state.record(number)
    assert record is not None, "the plan records it first"
    return next(i for i in observed.instances if i.id == number), record


def _proven(instance: Instance, observed: Observed) -> str:
    """Return the certificate verified in this run, and never the one in the state."""
    certificate = observed.health[instance.id].certificate
    assert certificate is not None, "the plan changes the keys of verified backends only"
    return certificate


def _address(instance: Instance) -> Address:
    assert instance.address is not None, "the plan changes the keys of responding backends only"
    return instance.address
