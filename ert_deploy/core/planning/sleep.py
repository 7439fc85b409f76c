"""Plan of `sleep`: at most one disk is kept, and no GPU is paid.

On a cloud where a stop loses the disk there is nothing to keep, and the instance is destroyed: waking up rents again.

The apps' environments are not changed, so that no deploy is needed if the address is the same after waking up. The web
host is not required: if it cannot be read, the state still shows which instances were published.
"""

from __future__ import annotations

from collections.abc import Iterator

from ert_deploy.core.model import steps
from ert_deploy.core.model.desired import Market
from ert_deploy.core.model.moment import MARGIN
from ert_deploy.core.model.observed import Instance
from ert_deploy.core.model.state import InstanceRecord
from ert_deploy.core.model.steps import Step
from ert_deploy.core.planning.age import by_age
from ert_deploy.core.planning.candidates import Classified
from ert_deploy.core.planning.health import Candidate, Stage
from ert_deploy.core.planning.records import lingering, reconcile_records, retire, unsettled
from ert_deploy.core.planning.situation import Situation

KEPT = (Stage.READY, Stage.BOOTING, Stage.ASLEEP, Stage.LOST)


def asleep(situation: Situation) -> Iterator[Step]:
    """Yield the remaining steps until only a disk is left."""
    yield from reconcile_records(situation)
    now, keeps = situation.classified, situation.desired.cloud.keeps_disk
    kept = _kept(situation) if keeps else None
    for candidate in (*now.failed, *now.others, *((now.current,) if now.current is not None else ())):
        if candidate is not kept:
            verdict = now.verdicts[candidate.instance.id]
            if candidate.published and verdict.stage in KEPT and not candidate.instance.halted:
                yield steps.Stop(candidate.instance.id, "it has to finish its reports before it stops")
            yield retire(candidate.instance, _why_not(candidate, now, keeps_disk=keeps), deny=verdict.deny)
    if kept is not None:
        yield from _stop(situation, kept)
    yield from unsettled(situation)
    yield from lingering(situation)


def start_may_come(record: InstanceRecord, situation: Situation) -> bool:
    """Whether a start may still take effect, within the settle time of a create, regardless of later attempts.

    If the original record is missing, the time starts when the instance was found.
    """
    known, settle = (record.woken, record.at), situation.desired.timings.settle
    return bool(record.woken) and any(situation.observed.age(record.token, at, MARGIN) < settle for at in known)


def by_bid(instance: Instance, situation: Situation) -> bool:
    """Whether it may be stopped by a higher bid, and run again by itself when that is gone."""
    return instance.bid or situation.desired.launch.market is Market.INTERRUPTIBLE


def _stop(situation: Situation, kept: Candidate) -> Iterator[Step]:
    """Stop it again if a start may still take effect: sent without response, denied but pending, or an open bid."""
    instance = kept.instance
    record = situation.observed.state.record(instance.id)
    if not instance.halted:
        yield steps.Stop(instance.id, "it is to sleep")
        yield steps.AwaitStop(instance.id, "its GPU bills until it is stopped")
    elif not instance.stopped:
        yield steps.AwaitStop(instance.id, "its GPU bills until it is stopped")
    elif record is not None and record.woken:
        if start_may_come(record, situation):
            yield steps.AwaitStop(instance.id, "a start of it may still take effect")
        yield steps.Stop(instance.id, "a start of it may be queued")
    elif by_bid(instance, situation) and instance.id not in situation.observed.stopped:
        yield steps.Stop(instance.id, "if it was outbid, it would run again by itself")


def _kept(situation: Situation) -> Candidate | None:
    """Return the instance whose disk to keep: it was ready before, or is stopped already.

    One that is in use has priority, then one that an app's environment refers to.
    """
    now, age = situation.classified, by_age(situation.observed.state)
    worthy = [
        candidate
        for candidate in (*((now.current,) if now.current is not None else ()), *now.others)
        if now.verdicts[candidate.instance.id].stage in KEPT and _proven(candidate, now)
    ]
    return min(
        worthy,
        key=lambda c: (
            not (c.published and now.verdicts[c.instance.id].stage is Stage.READY),
            not c.pointed,
            not c.published,
            now.verdicts[c.instance.id].stage is not Stage.READY,
            age(c.instance),
        ),
        default=None,
    )


def _proven(candidate: Candidate, now: Classified) -> bool:
    record = candidate.record
    was_healthy = candidate.published or (record is not None and bool(record.certificate))
    return was_healthy or now.verdicts[candidate.instance.id].stage in (Stage.READY, Stage.ASLEEP)


def _why_not(candidate: Candidate, now: Classified, *, keeps_disk: bool) -> str:
    verdict = now.verdicts[candidate.instance.id]
    if verdict.stage in KEPT and not keeps_disk:
        return "a stop does not keep its disk here"
    if verdict.stage in KEPT:
        return "another disk is kept" if _proven(candidate, now) else "it never became healthy"
    return verdict.reason
