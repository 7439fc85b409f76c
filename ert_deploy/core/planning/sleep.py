"""The plan for a deployment that is to sleep: one disk at most is kept, and no GPU is paid.

What the apps hold stays as it is, so that waking up needs no deploy when the address comes back. Render is not in the
way: where it cannot be read, the state still knows what an app was told about.
"""

from __future__ import annotations

from collections.abc import Iterator

from ert_deploy.core.model import steps
from ert_deploy.core.model.desired import Market
from ert_deploy.core.model.moment import MARGIN
from ert_deploy.core.model.state import Record
from ert_deploy.core.model.steps import Step
from ert_deploy.core.planning.candidates import Standing
from ert_deploy.core.planning.health import Candidate, Stage
from ert_deploy.core.planning.records import lingering, put_right, retire, unsettled
from ert_deploy.core.planning.situation import Situation

KEPT = (Stage.READY, Stage.BOOTING, Stage.ASLEEP, Stage.LOST)


def asleep(situation: Situation) -> Iterator[Step]:
    """What is left to do until nothing but a disk is paid."""
    yield from put_right(situation)
    now = situation.standing
    kept = _kept(now)
    for candidate in (*now.failed, *now.others, *((now.current,) if now.current is not None else ())):
        if candidate is not kept:
            verdict = now.verdicts[candidate.instance.id]
            if candidate.told and verdict.stage in KEPT and not candidate.instance.halted:
                yield steps.Stop(candidate.instance.id, "it has to finish its reports before it stops")
            yield retire(candidate.instance, _why_not(candidate, now), deny=verdict.deny)
    if kept is not None:
        yield from _stop(situation, kept)
    yield from unsettled(situation)
    yield from lingering(situation)


def start_may_come(record: Record, situation: Situation) -> bool:
    """Whether a start of it may still take effect, as late as a create may, whatever has come of another one.

    Where its record was lost, that counts from when it was found.
    """
    known, settle = (record.woken, record.at), situation.desired.timings.settle
    return bool(record.woken) and any(situation.observed.age(record.token, at, MARGIN) < settle for at in known)


def _stop(situation: Situation, kept: Candidate) -> Iterator[Step]:
    """A start without an answer may take effect late, one that was refused may be queued, and so may a bid be."""
    instance = kept.instance
    record = situation.observed.state.record(instance.id)
    if not instance.halted:
        yield steps.Stop(instance.id, "it is to sleep")
        yield steps.AwaitStop(instance.id, "its GPU bills until it is stopped")
    elif not instance.resting:
        yield steps.AwaitStop(instance.id, "its GPU bills until it is stopped")
    elif record is not None and record.woken:
        if start_may_come(record, situation):
            yield steps.AwaitStop(instance.id, "a start of it may still take effect")
        yield steps.Stop(instance.id, "a start of it may be queued")
    elif (
        instance.bid or situation.desired.launch.market is Market.INTERRUPTIBLE
    ) and instance.id not in situation.observed.stopped:
        yield steps.Stop(instance.id, "if it was outbid, it would run again by itself")


def _kept(now: Standing) -> Candidate | None:
    """The one whose disk is worth keeping: it was healthy once, or stopped already.

    One that serves comes first, then the one an app points at.
    """
    worthy = [
        candidate
        for candidate in (*((now.current,) if now.current is not None else ()), *now.others)
        if now.verdicts[candidate.instance.id].stage in KEPT and _proven(candidate, now)
    ]
    return min(
        worthy,
        key=lambda c: (
            not (c.told and now.verdicts[c.instance.id].stage is Stage.READY),
            not c.pointed,
            not c.told,
            now.verdicts[c.instance.id].stage is not Stage.READY,
            c.instance.id,
        ),
        default=None,
    )


def _proven(candidate: Candidate, now: Standing) -> bool:
    record = candidate.record
    was_healthy = candidate.told or (record is not None and bool(record.certificate))
    return was_healthy or now.verdicts[candidate.instance.id].stage in (Stage.READY, Stage.ASLEEP)


def _why_not(candidate: Candidate, now: Standing) -> str:
    verdict = now.verdicts[candidate.instance.id]
    if verdict.stage in KEPT:
        return "another disk is kept" if _proven(candidate, now) else "it never became healthy"
    return verdict.reason
