"""Deletion of an instance: write a tombstone, delete, check, remove the tombstone. It has no timeout."""

from __future__ import annotations

from ert_deploy.core.model import steps
from ert_deploy.core.model.desired import ABSENT
from ert_deploy.core.model.errors import CannotObserve, NeedsAttention, Outcome
from ert_deploy.core.model.events import Destroyed, Retired, Trouble, Waiting
from ert_deploy.core.model.observed import Instance
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.state import Tombstone
from ert_deploy.core.planning.records import without_record
from ert_deploy.engine.boot_failures import same_end
from ert_deploy.engine.budget import ended
from ert_deploy.engine.effects import Effects, ask
from ert_deploy.engine.market.paid import paid
from ert_deploy.engine.records.endings import failed
from ert_deploy.engine.records.evidence import evidence, with_evidence
from ert_deploy.engine.run_context import Run
from ert_deploy.ports import Audience, Clock, GpuHost, StateStore

NOT_FOUND = "not found"
MOST_WAIT = 60.0  # maximum seconds between two attempts; the interval grows from `timings/poll`
GROWTH = 1.5
FIRM_TRIES = 3  # failed attempts to destroy an instance before other steps continue


def retire(step: steps.Retire, run: Run) -> Effects[None]:
    """Write the tombstone with what a failed machine left, and deny the machine if the host is at fault."""
    if (yield from _runs_again(step, run)):
        return
    failure, lines = yield from evidence(step, run)
    state = run.observed.state.mark_for_deletion(
        Tombstone(step.token, step.instance_id, run.observed.stamp(), step.reason)
    )
    if step.deny:
        state = failed(state, step, run)
    state = with_evidence(state.allow(same_end(step, run, failure, lines)), failure)
    yield from ask(StateStore.save, state)
    yield from ask(Audience.tell, Retired(step.instance_id, step.reason))


def _runs_again(step: steps.Retire, run: Run) -> Effects[bool]:
    """Whether one that an app may use is no longer stopped, or that is not known: then everything is read again.

    The list that it is judged by may be minutes old, if what was read after it was slow, and a person, or a start whose
    response was lost, may have started it since. `down` does not ask: nothing is used after it.
    """
    number = step.instance_id
    used = (c.published and c.instance.halted for c in run.situation.candidates if c.instance.id == number)
    if run.desired.phase is ABSENT or not any(used):
        return False
    try:
        found = yield from ask(GpuHost.get_instance, number)
    except CannotObserve as error:
        yield from ask(Audience.tell, Trouble(f"reading instance {number} again", error.summary))
        yield from ask(Clock.sleep, run.desired.timings.poll)
        return True
    return found is not None and not found.halted


def destroy(step: steps.Destroy, run: Run) -> Effects[None]:
    """Delete the instance, and repeat the call with a growing delay until the instance no longer exists."""
    number = step.instance_id
    _tried(step, run)
    run.memory.refused.pop(number, None)
    try:
        yield from ask(GpuHost.destroy, number)
    except (Outcome, CannotObserve) as error:
        run.memory.refused[number] = error
        yield from ask(Audience.tell, Trouble(f"destroying instance {number}", error.summary))
        if run.memory.tries[number] < FIRM_TRIES:
            del run.memory.due[step]
            yield from ask(Clock.sleep, run.desired.timings.poll)


def confirm_deleted(step: steps.ConfirmDeleted, run: Run) -> Effects[None]:
    """Remove the tombstone once a read by id shows that the instance does not exist, like the listing before."""
    if (yield from _by_id(step.instance_id)) != NOT_FOUND:
        _tried(step, run)
        return
    yield from ask(StateStore.save, run.observed.state.confirm_deleted(step.instance_id))
    cost = None
    for tombstone in run.observed.state.tombstones:
        if tombstone.id == step.instance_id:
            ended(tombstone.token, run.observed.now, run.memory)
            cost = paid(tombstone.token, run.desired.launch, run.observed.now, run.memory)
    yield from ask(Audience.tell, Destroyed(step.instance_id, cost))


def await_gone(step: steps.AwaitGone, run: Run) -> Effects[None]:
    """Wait for the next check; raise NeedsAttention if it still exists after the settle time."""
    left = run.memory.since[step.instance_id] + run.desired.timings.settle - run.observed.now
    if left <= 0:
        raise (yield from _ghost(step.instance_id, run))
    wait = min(step.until - run.observed.now, left)
    yield from ask(Audience.tell, Waiting(f"instance {step.instance_id} to be gone", wait))
    yield from ask(Clock.sleep, wait)


def forget(step: steps.DropRecord, run: Run) -> Effects[None]:
    """Remove the record of an instance that no longer exists, after the same two reads.

    A new instance may be missing in both reads, so that its create is waited for again.
    """
    shown = yield from _by_id(step.instance_id)
    if shown != NOT_FOUND:
        since = run.memory.since.setdefault(step.instance_id, run.observed.now)
        if run.observed.now - since >= run.desired.timings.settle:
            raise (yield from _ghost(step.instance_id, run))
        wait = _wait(step.instance_id, run)
        yield from ask(Audience.tell, Waiting(f"instance {step.instance_id} to be listed or gone ({shown})", wait))
        yield from ask(Clock.sleep, wait)
        return
    record, state = run.observed.state.record(step.instance_id), without_record(run.situation, step.instance_id)
    yield from ask(StateStore.save, state)
    if state.intents != run.observed.state.intents:
        return
    ended(record.token if record is not None else "", run.observed.now, run.memory)
    yield from ask(Audience.tell, Destroyed(step.instance_id))


def _by_id(instance_id: InstanceId) -> Effects[str]:
    """Return a description of the instance from a read by id."""
    try:
        found = yield from ask(GpuHost.get_instance, instance_id)
    except CannotObserve as error:
        return f"no answer: {error.summary}"
    return NOT_FOUND if found is None else _shown(found)


def _shown(instance: Instance) -> str:
    return f"{instance.status or 'no status'}, {instance.power}"


def _ghost(instance_id: InstanceId, run: Run) -> Effects[NeedsAttention]:
    """Return the error for an instance that still exists: the price, the results of both reads, and the last error."""
    listed = next((i for i in run.observed.instances if i.id == instance_id), None)
    by_id = yield from _by_id(instance_id)
    lines = [f"list: {_shown(listed) if listed is not None else 'no longer listed'}", f"read by id: {by_id}"]
    last = run.memory.refused.get(instance_id)
    if last is not None:
        lines.append(f"destroying it: {last.summary}")
    price = f"${listed.dph:.4f}/h" if listed is not None else "an unknown price"
    again = "run the same command again, or destroy it in the GPU provider's console"
    return NeedsAttention(
        f"instance {instance_id} ({price}) still exists after {run.desired.timings.settle:.0f} s, and may bill",
        "\n".join(lines),
        last.hint if last is not None and last.hint else again,
    )


def _tried(step: steps.Destroy | steps.ConfirmDeleted, run: Run) -> None:
    """Record one more attempt, and the time of the next one."""
    run.memory.since.setdefault(step.instance_id, run.observed.now)
    run.memory.due[step] = run.observed.now + _wait(step.instance_id, run)


def _wait(instance_id: InstanceId, run: Run) -> float:
    """Return the seconds until the next check; they grow with each attempt, up to a minute."""
    tries = run.memory.tries.get(instance_id, 0)
    run.memory.tries[instance_id] = tries + 1
    poll = run.desired.timings.poll
    return max(poll, min(MOST_WAIT, poll * GROWTH ** min(tries, 20)))
