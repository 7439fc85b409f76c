"""What a person decides about an instance that is not clearly ours: adopt it, ignore it, or destroy it.

Each is one conditional write of the state, so that a run at the same time sees the decision or makes it fail.
"""

from __future__ import annotations

from dataclasses import replace

from ert_deploy.core.model.desired import Desired, Phase
from ert_deploy.core.model.errors import NeedsAttention, Undecided, UsageError
from ert_deploy.core.model.events import Waiting
from ert_deploy.core.model.labels import Mark
from ert_deploy.core.model.observed import Instance, Observed
from ert_deploy.core.model.state import State, Tombstone
from ert_deploy.core.planning.adoption import adopted
from ert_deploy.core.planning.ownership import claim, owned, undecided
from ert_deploy.engine import effects as e
from ert_deploy.engine.effects import Effects, perform
from ert_deploy.engine.memory import Memory
from ert_deploy.engine.observe import observe
from ert_deploy.engine.reap import reap

MAX_DOUBTS = 9  # looks of one run at rows that show no environment, before a person is asked
DECIDED = "a person decided so"


def must_be_decided(desired: Desired, observed: Observed, *, any_doubt: bool = False) -> None:
    """Raises Undecided when something listed may be ours: no other one is rented.

    `any_doubt`: also where it is hardly ours, because a label alone says so: nobody is told that there is nothing.
    Raises NeedsAttention when the state is another owner's.
    """
    blocking = tuple((u.instance.id, u.why) for u in undecided(desired, observed) if u.blocks or any_doubt)
    if blocking:
        raise Undecided(
            f"nothing is rented before it is decided whose instance {', '.join(str(n) for n, _ in blocking)} is",
            hint=f"`ert-deploy adopt|ignore|destroy {blocking[0][0]}` decides",
            found=blocking,
        )
    if owned(desired, observed).foreign:
        raise NeedsAttention(
            f"the state of {desired.deployment} was written for another owner or other services",
            "it knows instances that are not this config's; nothing is rented on it",
            "give this config a deployment or a state of its own; `ert-deploy adopt ID` if it is the same project",
        )


def look_again(desired: Desired, observed: Observed, memory: Memory) -> Effects[bool]:
    """Whether to wait for an instance that only shows no environment at the moment, as one that is just provisioned."""
    hidden = [u.instance.id for u in undecided(desired, observed) if u.hidden]
    if not hidden or memory.doubts >= MAX_DOUBTS:
        return False
    memory.doubts += 1
    names = ", ".join(str(number) for number in hidden)
    yield from perform(e.Tell(Waiting(f"instance {names} to show its environment", desired.timings.poll)))
    yield from perform(e.Sleep(desired.timings.poll))
    return True


def find(desired: Desired, instance_id: int) -> Effects[tuple[Observed, Instance | None]]:
    """One look, and the instance of that id; None when it is not listed and only the state knows it.

    UsageError when neither does. An app that cannot be read is no obstacle here.
    """
    observed = yield from observe(replace(desired, phase=Phase.ABSENT, apps_first=True), Memory())
    instance = next((i for i in observed.instances if i.id == instance_id), None)
    if instance is None and instance_id not in _tokens(observed.state):
        raise UsageError(f"there is no instance {instance_id} on this account", hint="`ert-deploy status` names them")
    return observed, instance


def adopt(desired: Desired, observed: Observed, instance: Instance) -> Effects[None]:
    """It is ours from now on: it has its record, and the owner and services of this config are remembered.

    UsageError for what has no mark of ours.
    """
    _must_be_marked(desired, observed, instance.id)
    token = _token(observed.state, instance)
    known = observed.state.record(instance.id)
    if known is not None:
        record = known if known.token == token else replace(known, token=token)
    else:
        record = adopted(replace(instance, mark=Mark(desired.deployment, token)), observed.stamp())
    state = claim(desired, observed).bury(instance.id).put_record(record).adopt(instance.id)
    if state != observed.state:
        yield from perform(e.Save(state))


def ignore(desired: Desired, observed: Observed, instance: Instance) -> Effects[None]:
    """It is not our business from now on. UsageError for what has no mark of ours."""
    _must_be_marked(desired, observed, instance.id)
    state = observed.state.ignore(instance.id).drop_intent(_token(observed.state, instance))
    if state != observed.state:
        yield from perform(e.Save(state))


def destroy(desired: Desired, observed: Observed, instance_id: int) -> Effects[None]:
    """Tombstone, destroy, two proofs, forget. NeedsAttention when it cannot be seen gone.

    UsageError for another owner's and for what has no mark of ours: those are for their owner and for the console.
    """
    instance = next((i for i in observed.instances if i.id == instance_id), Instance(instance_id))
    if instance in owned(desired, observed).others:
        raise UsageError(
            f"instance {instance_id} is another owner's and is not destroyed",
            hint=f"`ert-deploy adopt {instance_id}` first, if it is yours after all",
        )
    _must_be_marked(desired, observed, instance_id)
    token = _token(observed.state, instance)
    tombstone = Tombstone(token, instance_id, observed.stamp(), DECIDED)
    chosen_before = any((t.id, t.token) == (instance_id, token) for t in observed.state.tombstones)
    if not chosen_before or instance_id not in observed.state.claims.adopted:
        yield from perform(e.Save(observed.state.adopt(instance_id).entomb(tombstone)))
    chosen = replace(instance, mark=Mark(desired.deployment, token))
    yield from reap((chosen,), desired.timings.poll, decided=True)


def _must_be_marked(desired: Desired, observed: Observed, instance_id: int) -> None:
    placed, state = owned(desired, observed), observed.state
    named = {i.id for i in (*placed.ours, *placed.others, *(u.instance for u in placed.undecided))}
    if instance_id not in named | _tokens(state).keys() | desired.ignored | {*state.claims.ignored}:
        raise UsageError(
            f"instance {instance_id} has no mark of {desired.deployment}",
            hint="the Vast.ai console is the place for what ert-deploy did not rent",
        )


def _tokens(state: State) -> dict[int, str]:
    return {r.id: r.token for r in state.records} | {t.id: t.token for t in state.tombstones}


def _token(state: State, instance: Instance) -> str:
    """The token of an instance as its environment, the state or its label knows it; empty when none does."""
    born = instance.born.token if instance.born is not None else ""
    return born or _tokens(state).get(instance.id, instance.label_token)
