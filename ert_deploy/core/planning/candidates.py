"""Selection of instances: which one to keep, and which ones to destroy.

Once its address has been published to an app, requests to an instance may be active. It is then not deleted just
because it is unreachable, and never before the next one is ready.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

from ert_deploy.core.model.boot.watch import Watch
from ert_deploy.core.model.desired import RUNNING, Desired
from ert_deploy.core.model.observed import HEALTHY, IMPOSTOR, UNREACHABLE, Instance, Observed, Power
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.quick_dataclass import quick_dataclass
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.model.stamps import timed
from ert_deploy.core.model.state import LONG_AGO, InstanceRecord
from ert_deploy.core.planning.age import by_age
from ert_deploy.core.planning.app_env import Targets, connected, held_fingerprint
from ert_deploy.core.planning.changes.fitness import fits, over_cap, too_dear, unfit
from ert_deploy.core.planning.health import (
    ASLEEP,
    BOOTING,
    FAILED,
    LOST,
    READY,
    STRANDED,
    Candidate,
    StageResult,
    complaint,
    judge,
)
from ert_deploy.core.planning.key_acceptance import forgotten, learned

KeyOf: TypeAlias = Callable[[Instance], Secret | None]  # the current key of an instance, if its text is known
USABLE = (READY, BOOTING, ASLEEP)  # the best first
PAIR = 2  # machines of a hedge


@quick_dataclass
class Classified:
    """`current` is the instance to keep, `failed` are to be deleted now, `others` are neither; with all verdicts."""

    current: Candidate | None
    others: tuple[Candidate, ...]
    failed: tuple[Candidate, ...]
    verdicts: dict[InstanceId, StageResult]


def rivals(desired: Desired, now: Classified) -> tuple[Candidate, ...]:
    """Return the instances that boot at the same time as the current one, as a hedge: the first one ready is kept."""
    current = now.current
    if desired.launch.hedge < PAIR or current is None or current.published or not _boots(now, current):
        return ()
    if not now.others:
        return ()
    others = (c for c in now.others if not c.published and _boots(now, c) and fits(desired, c))
    return tuple(c for c in others if c.instance.machine_id != current.instance.machine_id)[: desired.launch.hedge - 1]


def _boots(now: Classified, candidate: Candidate) -> bool:
    return now.verdicts[candidate.instance.id].stage is BOOTING


def candidate(instance: Instance, observed: Observed, targets: Targets, key_of: KeyOf) -> Candidate:
    """Combine an instance with all available data about it."""
    record = observed.state.record(instance.id)
    pointed = pointed_at(instance, targets)
    published = pointed or (record is not None and record.published) or runs_with(instance, observed, targets, key_of)
    published = published or _adopted_in_use(record, observed)
    watch = observed.watches.get(instance.id) or Watch("", observed.now)
    return Candidate(
        instance, observed.health.get(instance.id), watch, _in_our_time(record, observed), published, pointed
    )


def classify(desired: Desired, observed: Observed, found: tuple[Candidate, ...]) -> Classified:
    """Classify all candidates."""
    verdicts: dict[InstanceId, StageResult] = {}
    failed: list[Candidate] = []
    kept: list[Candidate] = []
    usable: list[Candidate] = []
    for one in found:
        verdicts[one.instance.id] = verdict = _judge(desired, observed, one)
        stage = verdict.stage
        (failed if stage is FAILED else kept).append(one)
        if stage in USABLE:
            usable.append(one)
    current = _current(desired, observed, usable, verdicts)
    others = tuple([one for one in kept if one is not current])
    return Classified(current, others, tuple(failed), verdicts)


def _adopted_in_use(record: InstanceRecord | None, observed: Observed) -> bool:
    """Whether the user adopted it when nothing was known of it, and it serves: requests of an app may be active."""
    if record is None or not forgotten(record) or record.id not in observed.state.claims.adopted:
        return False
    health = observed.health.get(record.id)
    return health is not None and health.vital is HEALTHY


def pointed_at(instance: Instance, targets: Targets) -> bool:
    """Whether the environment of any app contains its address, regardless of the state."""
    if instance.address is None:
        return False
    url = instance.address.url()
    for target, publication in targets:
        held = publication.env.get(target.names.url)
        if held is not None and held.reveal() == url:
            return True
    return False


def runs_with(instance: Instance, observed: Observed, targets: Targets, key_of: KeyOf) -> bool:
    """Whether a running app reports the fingerprint of a configuration with it, regardless of the app's environment.

    Values that were restored after a deploy are not used by the running process.
    """
    health = observed.health.get(instance.id)
    if instance.address is None:
        return False
    if health is None or health.certificate is None:
        # Without its boot secret (its environment was edited) it can never prove itself, and may still be in use.
        return not instance.boot_secret.reveal() and _may_run_with(instance, observed, targets)
    key = key_of(instance)
    if key is None:
        # Its key was removed from the environment by a `down` that was interrupted before its deploy.
        return _may_run_with(instance, observed, targets)
    shown = ((t, p.live_fingerprint) for t, p in targets if p.live_fingerprint)
    url, pem = instance.address.url(), health.certificate
    return any(connected(t, url, key, pem)[t.names.fingerprint].reveal() == mark for t, mark in shown)


def _may_run_with(instance: Instance, observed: Observed, targets: Targets) -> bool:
    """Whether a running app reports a configuration that is no longer in its environment and may use this instance.

    False if the app's newest deploy is older than the instance. A published instance without a pinned certificate is
    older than its record, which was created again.
    """
    record = observed.state.record(instance.id)
    for target, publication in targets:
        shown = publication.live_fingerprint
        if shown is None or held_fingerprint(target.names, publication.env) == shown:
            continue
        rollout = observed.state.rollout(publication.service_id)
        if rollout is None or record is None or (record.published and not record.certificate):
            return True
        if min(record.at, rollout.at) < 0 or record.at <= rollout.at:
            return True
    return False


def usable_by_an_app(instance: Instance, observed: Observed, targets: Targets) -> bool:
    """Whether the environment of any app contains its address together with a key that it accepts.

    Two concurrent runs can combine the address of one backend with the key of another; every request then gets a 401.
    If its keys are not known (its row has no environment any more, the state was lost), any key may be valid.
    """
    if instance.address is None:
        return False
    url = Secret(instance.address.url())
    held = (p.env.get(t.names.key) for t, p in targets if p.env.get(t.names.url) == url)
    taken = learned(instance, observed.state.record(instance.id))
    return any(key is not None and (not taken or key.sha256() in taken) for key in held)


def _in_our_time(record: InstanceRecord | None, observed: Observed) -> InstanceRecord | None:
    """Return the record with its times converted to this run's clock, so that ages can be calculated."""
    if record is None:
        return None
    at, woken, stranded = record.at, record.woken, record.stranded
    return timed(
        record, _own(record.token, at, observed), woken and _own(record.token, woken, observed),
        stranded and _own(record.token, stranded, observed),
    )  # fmt: skip


def _own(token: str, at: float, observed: Observed) -> float:
    return observed.now - observed.age(token, at) if abs(at) > LONG_AGO else at


def _judge(desired: Desired, observed: Observed, candidate: Candidate) -> StageResult:
    """Return the verdict, including a check of the actual price.

    An instance that was published is not given up because of its price: it is used until a replacement is ready. Nor is
    any instance on the way to sleep, where only the disk is charged and it may be unknown which one was published.
    """
    instance = candidate.instance
    if desired.phase is RUNNING and over_cap(desired, instance) and not candidate.published:
        return StageResult(FAILED, too_dear(desired, instance))
    if not desired.cloud.keeps_disk and instance.halted:
        return StageResult(FAILED, "it is stopped, and its disk is gone with that")
    verdict = judge(candidate, desired.timings, observed.now)
    if instance.id in observed.stopped and instance.halted and verdict.stage is not STRANDED:
        return StageResult(ASLEEP, "this run has stopped it")
    if verdict.stage is FAILED and candidate.published and _may_serve(candidate):
        return replace(verdict, stage=LOST)
    return verdict


def _may_serve(candidate: Candidate) -> bool:
    """Whether the app may use it: it is only unreachable, or its start succeeded after it was given up."""
    instance, health = candidate.instance, candidate.health
    cut_off = health is None or health.vital in (UNREACHABLE, IMPOSTOR)
    coming = candidate.record is not None and bool(candidate.record.stranded) and not complaint(instance, health)
    return coming or (cut_off and instance.power is Power.RUNNING)


def _current(
    desired: Desired, observed: Observed, usable: list[Candidate], verdicts: dict[InstanceId, StageResult]
) -> Candidate | None:
    """Select the instance to keep: ready, else booting, else stopped; then referenced, published, and oldest first.

    If all slots are occupied and no instance matches the config, an active migration is completed first. An unreachable
    instance keeps its slot, so the old backend serves all apps until a slot is free. An instance without a possible
    replacement stays in use.
    """
    ranked = usable
    if len(usable) > 1:
        age = by_age(observed.state)
        ranked = sorted(
            usable,
            key=lambda c: (
                USABLE.index(verdicts[c.instance.id].stage), not c.pointed, not c.published, age(c.instance)
            ),
        )  # fmt: skip
    for one in ranked:
        if not unfit(desired, one):
            return one
    if not ranked:
        return None
    held = sum(verdict.stage is not FAILED for verdict in verdicts.values())
    up = [c for c in ranked if verdicts[c.instance.id].stage is not ASLEEP]
    if held >= desired.slots and len(up) == len(ranked) and all(c.published for c in ranked):
        return up[0]
    if observed.unreplaceable:
        return next((c for c in up if c.published and verdicts[c.instance.id].stage is READY), None)
    return None
