"""plan(desired, observed) -> steps: the one decision procedure of the product.

It is a pure function of what is wanted and what is seen. The engine does the first step, looks again and asks again,
so the rest of the answer is a forecast. Recovery after a crash is not a mode: it is what this function says next.

Order, and why: what is already paid is written down first, then what must go is destroyed, then what is missing is
rented, then the app is moved over, and an old backend goes last, when nobody asks it any more.
"""

from __future__ import annotations

from collections.abc import Iterator

from ert_deploy.core import steps
from ert_deploy.core.boot import Candidate, Stage, Verdict, judge
from ert_deploy.core.keys import is_key
from ert_deploy.core.model import Desired, Phase
from ert_deploy.core.observed import Instance, Observed, Vital, Watch
from ert_deploy.core.publishing import drained, forecast, pairs, publish, withdraw
from ert_deploy.core.secret import Secret
from ert_deploy.core.steps import Step

PRICE_TOLERANCE = 1.01  # rounding between the search price and the contract


def plan(desired: Desired, observed: Observed) -> tuple[Step, ...]:
    """The steps from what is seen to what is wanted; empty when there is nothing to do."""
    if desired.phase is Phase.ABSENT:
        return tuple(_absent(desired, observed))
    return tuple(_running(desired, observed))


def kept_key(desired: Desired, observed: Observed) -> Secret | None:
    """The key to go on with: one a target holds and an instance of ours takes, else any that a target holds."""
    held = [key for t, p in pairs(desired, observed) if (key := p.env.get(t.names.key)) is not None and is_key(key)]
    taken = {digest for i in observed.ours(desired.deployment) for digest in i.key_hashes}
    return next((k for k in held if k.sha256() in taken), held[0] if held else None)


def candidates(desired: Desired, observed: Observed) -> tuple[Candidate, ...]:
    """Our instances that are not entombed, with all that is known about each."""
    dead = {t.id for t in observed.state.tombstones}
    return tuple(
        Candidate(i, observed.health.get(i.id), _watch(observed, i), observed.state.record(i.id))
        for i in observed.ours(desired.deployment)
        if i.id not in dead
    )


def slots_taken(desired: Desired, observed: Observed) -> int:
    """Creates that may have happened plus instances that exist: what could be billing at most."""
    live = observed.ours(desired.deployment)
    seen = {i.mark.token for i in live if i.mark is not None}
    unknown = [i for i in observed.state.intents if not i.gone and i.token not in seen]
    return len(live) + len(unknown)


def _judge(desired: Desired, observed: Observed, candidate: Candidate) -> Verdict:
    """The verdict, with the price checked again on the contract we really got."""
    instance, cap = candidate.instance, desired.criteria.max_dph
    if instance.dph > cap * PRICE_TOLERANCE:
        return Verdict(
            Stage.FAILED, f"it costs ${instance.dph:.4f}/h, the cap is ${cap:g}/h (offer/max_dph)", deny=True
        )
    return judge(candidate, desired.timings, observed.now)


def _watch(observed: Observed, instance: Instance) -> Watch:
    return observed.watches.get(instance.id, Watch("", observed.now))


def _running(desired: Desired, observed: Observed) -> Iterator[Step]:
    yield from _written_down(desired, observed)
    yield from _graves(observed)
    yield from _expired(desired, observed)
    found = candidates(desired, observed)
    verdicts = {c.instance.id: _judge(desired, observed, c) for c in found}
    failed = [c for c in found if verdicts[c.instance.id].stage is Stage.FAILED]
    for candidate in failed:
        verdict = verdicts[candidate.instance.id]
        yield _retire(candidate.instance, verdict.reason, deny=verdict.deny)
    alive = [c for c in found if c not in failed]
    current = _current(desired, observed, alive, verdicts)
    others = [c for c in alive if c is not current]
    yield from _surplus(desired, observed, others, current is not None)
    if current is None:
        yield from _rent(desired, observed)
    elif verdicts[current.instance.id].stage is Stage.BOOTING:
        yield steps.AwaitBoot(current.instance.id, verdicts[current.instance.id].reason)
        yield from forecast(desired)
    else:
        yield from _serve(desired, observed, current)
        yield from _old_backends(desired, observed, others)
        yield from _unsettled(observed, desired.timings.settle, also_gone=False)


def _absent(desired: Desired, observed: Observed) -> Iterator[Step]:
    found = candidates(desired, observed)
    yield from withdraw(desired, observed)
    published = [c for c in found if c.record is not None and c.record.published]
    until = drained(desired, observed)
    if published and (until is None or until > observed.now):
        yield steps.Drain(published[0].instance.id, until, "requests under way may finish")
    for candidate in found:
        yield _retire(candidate.instance, "not wanted any more")
    yield from _graves(observed)
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


def _graves(observed: Observed) -> Iterator[Step]:
    listed = {i.id for i in observed.instances}
    for tombstone in observed.state.tombstones:
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


def _fits(desired: Desired, observed: Observed, candidate: Candidate) -> bool:
    """Whether it runs what the config asks for and takes the key the app holds."""
    instance = candidate.instance
    if instance.spec != desired.launch.spec():
        return False
    if observed.publications is None:
        return True
    key = kept_key(desired, observed)
    return key is not None and key.sha256() in instance.key_hashes


def _current(
    desired: Desired, observed: Observed, alive: list[Candidate], verdicts: dict[int, Verdict]
) -> Candidate | None:
    """The one to keep: ready before booting, already published before new, oldest first."""
    fitting = [c for c in alive if _fits(desired, observed, c)]
    ranked = sorted(
        fitting,
        key=lambda c: (
            verdicts[c.instance.id].stage is not Stage.READY,
            not (c.record is not None and c.record.published),
            c.instance.id,
        ),
    )
    return ranked[0] if ranked else None


def _surplus(desired: Desired, observed: Observed, others: list[Candidate], replaced: bool) -> Iterator[Step]:
    """What no app was ever told about can go as soon as there is another one, or when it does not fit."""
    for candidate in others:
        if candidate.record is not None and candidate.record.published:
            continue
        if replaced or not _fits(desired, observed, candidate):
            yield _retire(candidate.instance, "another instance serves" if replaced else "it does not fit the config")


def _rent(desired: Desired, observed: Observed) -> Iterator[Step]:
    if observed.publications is not None and kept_key(desired, observed) is None:
        yield steps.KeepKey(tuple(t.service for t in desired.targets), "no API key is kept yet")
    if slots_taken(desired, observed) >= desired.slots:
        yield from _unsettled(observed, desired.timings.settle, also_gone=False)
    yield steps.Rent("no backend is there")
    yield steps.AwaitBoot(None, "the one that will be rented")
    yield from forecast(desired)


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


def _old_backends(desired: Desired, observed: Observed, others: list[Candidate]) -> Iterator[Step]:
    until = drained(desired, observed)
    for candidate in others:
        if candidate.record is None or not candidate.record.published:
            continue
        if until is None or until > observed.now:
            yield steps.Drain(candidate.instance.id, until, "requests under way may finish")
        yield _retire(candidate.instance, "replaced")
        yield steps.Destroy(candidate.instance.id, "replaced")
        yield steps.Bury(candidate.instance.id, "seen gone")
