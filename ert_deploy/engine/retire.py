"""Getting rid of an instance: tombstone, destroy, see it gone, then forget. There is no give-up timer."""

from __future__ import annotations

from ert_deploy.core.model import steps
from ert_deploy.core.model.desired import Desired
from ert_deploy.core.model.errors import CannotObserve, NeedsAttention, Outcome
from ert_deploy.core.model.events import Destroyed, Retired, Trouble, Waiting
from ert_deploy.core.model.observed import Observed
from ert_deploy.core.model.state import Denied, Intent, Tombstone
from ert_deploy.engine import effects as e
from ert_deploy.engine.boot_failures import same_end
from ert_deploy.engine.budget import ended
from ert_deploy.engine.effects import Effects, perform
from ert_deploy.engine.memory import Memory

MAX_TRIES = 10  # to see one instance gone, before a person is asked to look; the tombstone stays


def retire(step: steps.Retire, desired: Desired, observed: Observed, memory: Memory) -> Effects[None]:
    """Write the tombstone, and shun the machine if it was the host's fault; nobody for a fault of the image."""
    state = observed.state.entomb(Tombstone(step.token, step.instance_id, observed.now, step.reason))
    if step.deny:
        state = state.deny(Denied(step.machine_id, observed.now + desired.timings.deny, step.reason), observed.now)
    yield from perform(e.Save(state.allow(same_end(step, memory))))
    yield from perform(e.Tell(Retired(step.instance_id, step.reason)))


def destroy(step: steps.Destroy, desired: Desired, memory: Memory) -> Effects[None]:
    """Ask for the destruction, again and again if need be, 10 s apart as Vast's own host test does."""
    tries = _once_more(step.instance_id, memory)
    try:
        yield from perform(e.DestroyInstance(step.instance_id))
    except (Outcome, CannotObserve) as error:
        yield from perform(e.Tell(Trouble(f"destroying instance {step.instance_id}", error.summary)))
        yield from perform(e.Sleep(desired.timings.poll))
    else:
        if tries:
            yield from perform(e.Sleep(desired.timings.poll))


def bury(step: steps.Bury, desired: Desired, observed: Observed, memory: Memory) -> Effects[None]:
    """Remove the tombstone once a read by id says what the complete listing said: it is gone."""
    if (yield from seen_by_id(step.instance_id, desired, memory)):
        return
    yield from perform(e.Save(observed.state.bury(step.instance_id)))
    for tombstone in observed.state.tombstones:
        if tombstone.id == step.instance_id:
            ended(tombstone.token, observed.now, memory)
    yield from perform(e.Tell(Destroyed(step.instance_id)))


def forget(step: steps.DropRecord, desired: Desired, observed: Observed, memory: Memory) -> Effects[None]:
    """Remove the record of an instance that is gone, on the same two proofs.

    A newborn may be in neither read yet. Until the settle time is over it is as unknown as a create without an answer,
    so it goes back on watch.
    """
    if (yield from seen_by_id(step.instance_id, desired, memory)):
        return
    state = observed.state.drop_record(step.instance_id)
    record = observed.state.record(step.instance_id)
    if record is not None and observed.now - record.at < desired.timings.settle:
        yield from perform(e.Save(state.intend(Intent(record.token, record.at, 0, record.machine_id))))
        return
    yield from perform(e.Save(state))
    ended(record.token if record is not None else "", observed.now, memory)
    yield from perform(e.Tell(Destroyed(step.instance_id)))


def seen_by_id(instance_id: int, desired: Desired, memory: Memory) -> Effects[bool]:
    """Whether an instance that was not listed as ours may still exist; waits a little if it may."""
    what = f"instance {instance_id} to leave the provider's books"
    try:
        if (yield from perform(e.GetInstance(instance_id))) is None:
            return False
    except CannotObserve as error:
        what = f"instance {instance_id} to be readable ({error.summary})"
    _once_more(instance_id, memory)
    yield from perform(e.Tell(Waiting(what, desired.timings.poll)))
    yield from perform(e.Sleep(desired.timings.poll))
    return True


def _once_more(instance_id: int, memory: Memory) -> int:
    """How often it was tried before. NeedsAttention when that was often enough for one run."""
    tries = memory.tries.get(instance_id, 0)
    if tries >= MAX_TRIES:
        raise NeedsAttention(
            f"instance {instance_id} still exists after {tries} tries to see it gone, and may bill",
            "it is no longer listed, or the host does not let go of it",
            "run the same command again, or destroy it in the Vast.ai console",
        )
    memory.tries[instance_id] = tries + 1
    return tries
