"""Getting rid of an instance: tombstone, destroy, see it gone, then forget. There is no give-up timer."""

from __future__ import annotations

from ert_deploy.core import steps
from ert_deploy.core.errors import CannotObserve, NeedsAttention, Transient
from ert_deploy.core.events import Destroyed, Retired, Trouble, Waiting
from ert_deploy.core.model import Desired
from ert_deploy.core.observed import Observed
from ert_deploy.core.state import Denied, Tombstone
from ert_deploy.engine import effects as e
from ert_deploy.engine.effects import Effects, perform
from ert_deploy.engine.memory import Memory

MAX_DESTROYS = 10  # calls in one run before a person is asked to look; the tombstone stays


def retire(step: steps.Retire, desired: Desired, observed: Observed) -> Effects[None]:
    """Write the tombstone, and shun the machine if it was the host's fault."""
    state = observed.state.entomb(Tombstone(step.token, step.instance_id, observed.now, step.reason))
    if step.deny:
        state = state.deny(Denied(step.machine_id, observed.now + desired.timings.deny, step.reason), observed.now)
    yield from perform(e.Save(state))
    yield from perform(e.Tell(Retired(step.instance_id, step.reason)))


def destroy(step: steps.Destroy, desired: Desired, memory: Memory) -> Effects[None]:
    """Ask for the destruction, again and again if need be, 10 s apart as Vast's own host test does."""
    tries = memory.destroys.get(step.instance_id, 0)
    if tries >= MAX_DESTROYS:
        raise NeedsAttention(
            f"instance {step.instance_id} is still listed after {tries} destroy calls and may bill",
            hint="run the same command again, or destroy it in the Vast.ai console",
        )
    memory.destroys[step.instance_id] = tries + 1
    try:
        yield from perform(e.DestroyInstance(step.instance_id))
    except (Transient, CannotObserve) as error:
        yield from perform(e.Tell(Trouble(f"destroying instance {step.instance_id}", error.summary)))
        yield from perform(e.Sleep(desired.timings.poll))
    else:
        if tries:
            yield from perform(e.Sleep(desired.timings.poll))


def bury(step: steps.Bury, desired: Desired, observed: Observed) -> Effects[None]:
    """Remove the tombstone once a read by id says what the complete listing said: it is gone."""
    if (yield from seen_by_id(step.instance_id, desired)):
        return
    yield from perform(e.Save(observed.state.bury(step.instance_id)))
    yield from perform(e.Tell(Destroyed(step.instance_id)))


def forget(step: steps.DropRecord, desired: Desired, observed: Observed) -> Effects[None]:
    """Remove the record of an instance that is gone, on the same two proofs."""
    if (yield from seen_by_id(step.instance_id, desired)):
        return
    yield from perform(e.Save(observed.state.drop_record(step.instance_id)))
    yield from perform(e.Tell(Destroyed(step.instance_id)))


def seen_by_id(instance_id: int, desired: Desired) -> Effects[bool]:
    """Whether an instance that was not listed still exists; waits a little if the two reads disagree."""
    if (yield from perform(e.GetInstance(instance_id))) is None:
        return False
    yield from perform(e.Tell(Waiting(f"instance {instance_id} to leave the provider's books", desired.timings.poll)))
    yield from perform(e.Sleep(desired.timings.poll))
    return True
