"""plan(desired, observed) -> steps: the one decision procedure of the product.

It is a pure function of what is wanted and what is seen. The engine does the first step, looks again and asks again,
so the rest of the answer is a forecast. Recovery after a crash is not a mode: it is what this function says next.

Order, and why: what is already paid is written down first, then what must go is destroyed, then what is missing is
rented, then the app is moved over, and an old backend goes last, when nobody asks it any more.
"""

from __future__ import annotations

from collections.abc import Iterator

from ert_deploy.core import steps
from ert_deploy.core.boot import Candidate, Stage
from ert_deploy.core.model import Desired, Phase
from ert_deploy.core.observed import Instance, Observed, Vital
from ert_deploy.core.publishing import drained, forecast, publish, withdraw
from ert_deploy.core.standing import candidates, fits, kept_key, pointed_at, slots_taken, standing
from ert_deploy.core.steps import Step


def plan(desired: Desired, observed: Observed) -> tuple[Step, ...]:
    """The steps from what is seen to what is wanted; empty when there is nothing to do."""
    if desired.phase is Phase.ABSENT:
        return tuple(_absent(desired, observed))
    return tuple(_running(desired, observed))


def _running(desired: Desired, observed: Observed) -> Iterator[Step]:
    yield from _written_down(desired, observed)
    yield from _graves(desired, observed)
    yield from _expired(desired, observed)
    now = standing(desired, observed)
    for candidate in now.failed:
        verdict = now.verdicts[candidate.instance.id]
        yield _retire(candidate.instance, verdict.reason, deny=verdict.deny)
    current = now.current
    yield from _surplus(desired, observed, now.others, current is not None)
    if current is None:
        yield from _rent(desired, observed, now.others)
    elif now.verdicts[current.instance.id].stage is Stage.BOOTING:
        yield steps.AwaitBoot(current.instance.id, now.verdicts[current.instance.id].reason)
        yield from forecast(desired)
    else:
        yield from _serve(desired, observed, current)
        yield from _old_backends(desired, observed, now.others)
        yield from _unsettled(observed, desired.timings.settle, also_gone=False)


def _absent(desired: Desired, observed: Observed) -> Iterator[Step]:
    found = candidates(desired, observed)
    yield from withdraw(desired, observed)
    asked = [c for c in found if c.told or (c.health is not None and c.health.vital is Vital.HEALTHY)]
    until = drained(desired, observed)
    if asked and (until is None or until > observed.now):
        yield steps.Drain(asked[0].instance.id, until, "requests under way may finish")
    for candidate in found:
        yield _retire(candidate.instance, "not wanted any more")
    yield from _graves(desired, observed)
    for candidate in found:
        yield steps.Destroy(candidate.instance.id, "not wanted any more")
        yield steps.Bury(candidate.instance.id, "seen gone")
    yield from _vanished(desired, observed)
    yield from _expired(desired, observed)
    yield from _unsettled(observed, desired.timings.settle, also_gone=True)


def _written_down(desired: Desired, observed: Observed) -> Iterator[Step]:
    """Instances that carry our marks and no record: found again after a crash, or after the state was lost."""
    intended = {i.token for i in observed.state.intents}
    for candidate in candidates(desired, observed):
        mark = candidate.instance.mark
        if candidate.record is None and mark is not None:
            known = mark.token in intended
            reason = "our create call made it" if known else "it carries our marks and was not in the state"
            yield steps.Record(candidate.instance.id, mark.token, reason)
    yield from _vanished(desired, observed)


def _vanished(desired: Desired, observed: Observed) -> Iterator[Step]:
    listed = {i.id for i in observed.ours(desired.deployment)}
    for record in observed.state.records:
        if record.id not in listed:
            yield steps.DropRecord(record.id, "it is not in a complete listing")


def _graves(desired: Desired, observed: Observed) -> Iterator[Step]:
    """The least tried first, so that one that will not go does not keep the others alive. Unmarked: not touched."""
    listed = {i.id for i in observed.ours(desired.deployment)}
    for tombstone in sorted(observed.state.tombstones, key=lambda t: observed.tries.get(t.id, 0)):
        if tombstone.id in listed:
            yield steps.Destroy(tombstone.id, tombstone.reason)
        yield steps.Bury(tombstone.id, "seen gone")


def _expired(desired: Desired, observed: Observed) -> Iterator[Step]:
    seen = {i.mark.token for i in observed.ours(desired.deployment) if i.mark is not None}
    for intent in observed.state.intents:
        age = observed.now - intent.at
        if intent.token not in seen and age >= desired.timings.settle:
            yield steps.DropIntent(intent.token, f"no trace of it after {age:.0f} s")


def _unsettled(observed: Observed, settle: float, *, also_gone: bool) -> Iterator[Step]:
    seen = {i.mark.token for i in observed.instances if i.mark is not None}
    for intent in observed.state.intents:
        waiting = observed.now - intent.at < settle and intent.token not in seen
        if waiting and (also_gone or not intent.gone):
            yield steps.Settle(intent.token, intent.at + settle, "a create call whose outcome is not known")


def _retire(instance: Instance, reason: str, *, deny: bool = False) -> Step:
    token = instance.mark.token if instance.mark is not None else ""
    return steps.Retire(instance.id, token, instance.machine_id, reason, deny)


def _surplus(desired: Desired, observed: Observed, others: tuple[Candidate, ...], replaced: bool) -> Iterator[Step]:
    """What no app was ever told about can go as soon as there is another one, or when it does not fit."""
    for candidate in others:
        if not candidate.told and (replaced or not fits(desired, observed, candidate)):
            yield _retire(candidate.instance, "another instance serves" if replaced else "it does not fit the config")


def _rent(desired: Desired, observed: Observed, others: tuple[Candidate, ...]) -> Iterator[Step]:
    if observed.publications is not None and kept_key(desired, observed) is None:
        yield steps.KeepKey(tuple(t.service for t in desired.targets), "no API key is kept yet")
    if slots_taken(desired, observed) >= desired.slots:
        yield from _unsettled(observed, desired.timings.settle, also_gone=False)
        yield from _spare(desired, observed, others)
    yield steps.Rent("no backend is there")
    yield steps.AwaitBoot(None, "the one that will be rented")
    yield from forecast(desired)


def _spare(desired: Desired, observed: Observed, others: tuple[Candidate, ...]) -> Iterator[Step]:
    """All slots are taken and none of them serves: the oldest that no app points at any more makes room."""
    spare = [c for c in others if not pointed_at(desired, observed, c.instance)]
    if len(others) < desired.slots or not spare:
        return
    until = drained(desired, observed)
    if until is not None and until > observed.now:
        yield steps.Drain(spare[0].instance.id, until, "requests under way may finish")
    yield _retire(spare[0].instance, "no app points at it any more, and room is needed")


def _serve(desired: Desired, observed: Observed, current: Candidate) -> Iterator[Step]:
    health, record, key = current.health, current.record, kept_key(desired, observed)
    certificate = health.certificate if health is not None and health.vital is Vital.HEALTHY else None
    address = current.instance.address
    if certificate is None or address is None or key is None:
        yield steps.AwaitBoot(current.instance.id, "its address is not known yet")
        return
    if record is None or record.certificate != certificate:
        yield steps.Pin(current.instance.id, "it has proven its identity")
    yield from publish(desired, observed, address.url(), key, certificate)


def _old_backends(desired: Desired, observed: Observed, others: tuple[Candidate, ...]) -> Iterator[Step]:
    until = drained(desired, observed)
    for candidate in others:
        if not candidate.told:
            continue
        if until is None or until > observed.now:
            yield steps.Drain(candidate.instance.id, until, "requests under way may finish")
        yield _retire(candidate.instance, "replaced")
        yield steps.Destroy(candidate.instance.id, "replaced")
        yield steps.Bury(candidate.instance.id, "seen gone")
