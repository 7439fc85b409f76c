"""Operator commands for one instance without a certain owner: adopt, ignore, or destroy it.

Each is one conditional write of the state, so that a concurrent run reads the result or makes it fail.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ert_deploy.core.model.desired import Desired, Phase
from ert_deploy.core.model.errors import NeedsAttention, Undecided, UsageError
from ert_deploy.core.model.events import Waiting
from ert_deploy.core.model.labels import Mark
from ert_deploy.core.model.observed import Instance
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.replica import replica_of
from ert_deploy.core.model.state import State, Tombstone
from ert_deploy.core.planning.adoption import adopted
from ert_deploy.core.planning.marks import is_foreign
from ert_deploy.core.planning.situation import Situation
from ert_deploy.engine.effects import Effects, ask
from ert_deploy.engine.observe import observe
from ert_deploy.engine.reap import reap
from ert_deploy.engine.run_context import Run, RunMemory
from ert_deploy.ports import Audience, Clock, StateStore

MAX_DOUBTS = 9  # attempts per run to read a missing environment before `Undecided` is raised
DECIDED = "the user decided so"


def must_be_decided(situation: Situation, *, any_doubt: bool = False) -> None:
    """Raise `Undecided` if the owner of an instance is undecided, which blocks `Rent`.

    With `any_doubt`, also if only a `label` indicates it, before reporting that no instance exists. Raises
    NeedsAttention if the state is of another owner, of this replica or of another one.
    """
    blocking = tuple((u.instance.id, u.why) for u in situation.undecided if u.blocks or any_doubt)
    if blocking:
        raise nothing_rented(blocking)
    desired, observed = situation.desired, situation.observed
    beside = (is_foreign(desired, observed.services, written_for) for written_for in observed.others.written)
    if situation.ownership.foreign or any(beside):
        raise NeedsAttention(
            f"the state of {replica_of(desired.deployment)[0]} was written for another owner or other services",
            "it contains instances of another config; nothing is rented with it",
            "give this config a deployment or a state of its own; `ert-deploy adopt ID` if it is the same project",
        )


def nothing_rented(found: tuple[tuple[InstanceId, str], ...]) -> Undecided:
    """Return the error for instances that the user has to assign first, each with the reason."""
    return Undecided(
        f"nothing is rented before you decide about instance {', '.join(str(n) for n, _ in found)}",
        hint=f"`ert-deploy adopt|ignore|destroy {found[0][0]}` decides",
        found=found,
    )


def left_alone(found: tuple[tuple[InstanceId, str], ...]) -> Undecided:
    """Return the error for instances that were not changed, each with the reason."""
    lines = unchanged(found)
    several = len(lines) > 1
    summary = f"{len(lines)} instances may be of this deployment and may bill" if several else lines[0]
    error = Undecided(summary, hint=f"`ert-deploy adopt|ignore|destroy {found[0][0]}` decides this", found=found)
    error.detail = "\n".join(lines) if several else ""
    return error


def unchanged(found: Iterable[tuple[InstanceId, str]]) -> list[str]:
    """Return one line for each instance that was not changed."""
    return [f"instance {number} was not changed and may bill: {why}" for number, why in found]


def look_again(run: Run) -> Effects[bool]:
    """Whether to wait for an instance whose environment is missing at the moment, as while it is provisioned."""
    hidden = [u.instance.id for u in run.situation.undecided if u.hidden]
    if not hidden or run.memory.doubts >= MAX_DOUBTS:
        return False
    run.memory.doubts += 1
    names = ", ".join(str(number) for number in hidden)
    yield from ask(Audience.tell, Waiting(f"instance {names} to show its environment", run.desired.timings.poll))
    yield from ask(Clock.sleep, run.desired.timings.poll)
    return True


def find(desired: Desired, instance_id: InstanceId) -> Effects[tuple[Situation, Instance | None]]:
    """Read the actual state once, and return the instance of that id; None if only the stored state has it.

    Raises UsageError if it is in neither. An app that cannot be read is ignored.
    """
    seen = yield from observe(replace(desired, phase=Phase.ABSENT, apps_first=True), RunMemory())
    observed = seen.observed
    instance = next((i for i in observed.instances if i.id == instance_id), None)
    if instance is None and instance_id not in _tokens(observed.state):
        raise UsageError(f"there is no instance {instance_id} on this account", hint="`ert-deploy status` names them")
    return Situation(desired, observed, seen.placed), instance


def adopt(situation: Situation, instance: Instance) -> Effects[None]:
    """Adopt the instance: create its record, and store the owner and services of this config.

    Raises UsageError if it has no mark of this deployment.
    """
    _must_be_marked(situation, instance.id)
    token = _token(situation.observed.state, instance)
    known = situation.observed.state.record(instance.id)
    if known is not None:
        record = known if known.token == token else replace(known, token=token)
    else:
        record = adopted(replace(instance, mark=Mark(situation.desired.deployment, token)), situation.observed.stamp())
    state = situation.claimed().confirm_deleted(instance.id).put_record(record).adopt(instance.id)
    if state != situation.observed.state:
        yield from ask(StateStore.save, state)


def ignore(situation: Situation, instance: Instance) -> Effects[None]:
    """Exclude the instance. Raises UsageError if it is not marked."""
    _must_be_marked(situation, instance.id)
    state = situation.observed.state.ignore(instance.id).drop_intent(_token(situation.observed.state, instance))
    if state != situation.observed.state:
        yield from ask(StateStore.save, state)


def destroy(situation: Situation, instance_id: InstanceId) -> Effects[None]:
    """Write a tombstone, destroy the instance, check twice that it is absent. Raises NeedsAttention if that fails.

    Raises UsageError for another owner's instance and for one that is not marked: the owner or the user has to remove
    those at the provider.
    """
    instance = next((i for i in situation.observed.instances if i.id == instance_id), Instance(instance_id))
    if instance in situation.ownership.others:
        raise UsageError(
            f"instance {instance_id} is another owner's and is not destroyed",
            hint=f"`ert-deploy adopt {instance_id}` first, if it is yours after all",
        )
    _must_be_marked(situation, instance_id)
    token = _token(situation.observed.state, instance)
    tombstone = Tombstone(token, instance_id, situation.observed.stamp(), DECIDED)
    chosen_before = any((t.id, t.token) == (instance_id, token) for t in situation.observed.state.tombstones)
    if not chosen_before or instance_id not in situation.observed.state.claims.adopted:
        yield from ask(StateStore.save, situation.observed.state.adopt(instance_id).mark_for_deletion(tombstone))
    chosen = replace(instance, mark=Mark(situation.desired.deployment, token))
    yield from reap((chosen,), situation.desired.timings.poll, decided=True)


def _must_be_marked(situation: Situation, instance_id: InstanceId) -> None:
    placed, state = situation.ownership, situation.observed.state
    named = {i.id for i in (*placed.ours, *placed.others, *(u.instance for u in placed.undecided))}
    if instance_id not in named | _tokens(state).keys() | situation.desired.ignored | {*state.claims.ignored}:
        raise UsageError(
            f"instance {instance_id} has no mark of {situation.desired.deployment}",
            hint="use the GPU provider's console for instances that ert-deploy did not rent",
        )


def _tokens(state: State) -> dict[InstanceId, str]:
    return {r.id: r.token for r in state.records} | {t.id: t.token for t in state.tombstones}


def _token(state: State, instance: Instance) -> str:
    """Return the token of an instance from its environment, the state or its `label`; empty if there is none."""
    born = instance.born.token if instance.born is not None else ""
    return born or _tokens(state).get(instance.id, instance.label_token)
