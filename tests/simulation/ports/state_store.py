"""State store port of the simulator: conditional writes, and checks for instances marked for deletion."""

from __future__ import annotations

from ert_deploy.core.model.errors import StateConflict
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.model.state import InstanceRecord, State, Tombstone
from tests.simulation.world import Violation, World, whole


def load(world: World) -> State:
    return world.state


def save(world: World, state: State) -> State:
    if state.generation != world.state.generation:
        raise StateConflict("somebody wrote")
    once, now = world.whole, whole(state) if state.replicas else state
    _forgets(world, once, now)
    if len(now.records) + len(now.tombstones) > len(once.records) + len(once.tombstones):
        _takes_over(world, once, now)
    if now.records:
        _expects_starts(world, now)
    for intent in now.intents if state.replicas else now.intents[-1:]:
        world.written.setdefault(intent.token, world.now)
    if now.tombstones:
        before = {t.id for t in once.tombstones}
        _given_up(world, [t for t in now.tombstones if t.id not in before])
    world.state = State(  # explicit arguments: `replace` is slower by a factor of 3, and this runs for every write
        state.deployment, state.generation + 1, state.intents, state.records, state.tombstones, state.denied,
        state.rollouts, state.account, state.claims, state.begun, state.launches,
        state.failures, state.history, state.replicas,
    )  # fmt: skip
    return world.state


def _forgets(world: World, before: State, after: State) -> None:
    """Check that nothing is removed from the state that is rented, or may yet be (I51)."""
    if len(after.intents) < len(before.intents) and not world.beyond:
        known = after.tokens()
        for intent in before.intents:
            if intent.token not in known and intent.token in world.under_way:
                raise Violation("an intent is dropped, and its create may still come")
    if len(after.records) + len(after.tombstones) < len(before.records) + len(before.tombstones):
        known, kept = after.tokens(), {r.id for r in after.records} | {t.id for t in after.tombstones}
        once: tuple[InstanceRecord | Tombstone, ...] = (*before.records, *before.tombstones)
        for one in once:
            if one.id in world.paid and one.id not in kept and one.token not in known:
                raise Violation(f"instance {one.id} is forgotten while it is paid")


def _takes_over(world: World, before: State, after: State) -> None:
    """Check that no instance with one mark alone is taken for an own one, unless a create or a user says so (I29)."""
    if world.operators > 1:
        return
    old, intents = {r.id for r in before.records} | {t.id for t in before.tombstones}, {i.token for i in before.intents}
    new: tuple[InstanceRecord | Tombstone, ...] = (*after.records, *after.tombstones)
    for one in new:
        made = world.paid.get(one.id) if one.id not in old else None
        if made is None or (made.labelled and made.environed) or made.edited >= world.listing:
            continue
        if one.token not in intents and one.id not in after.claims.adopted:
            raise Violation(f"instance {one.id} has one mark of ours alone and is taken over without a question")


def _expects_starts(world: World, state: State) -> None:
    """Check that an instance with a start under way or queued has that in its record."""
    for record in state.records:
        made = world.paid.get(record.id)
        if not record.woken and made is not None and (made.queued or made.starting):
            raise Violation(f"a start of instance {record.id} may still come, and is not in the state")


def _given_up(world: World, tombstones: list[Tombstone]) -> None:
    actor = world.acting
    for tombstone in tombstones:
        dead = world.paid.get(tombstone.id)
        if actor.must_keep_serving(dead.replica if dead is not None else 1):
            _leaves_no_app_alone(world, tombstone.id)
        if actor.wanted is not None and not actor.wanted.publishes:
            _is_in_no_use(world, tombstone.id)
        made = actor.rented.get(tombstone.token)
        if made is not None and "toomanyrequests" in tombstone.reason:
            actor.unpulled.add(made.offer)


def _leaves_no_app_alone(world: World, number: InstanceId) -> None:
    """Check that `up`, `wake` and `sleep` do not delete a responding backend that is used by an app."""
    made = world.paid.get(number)
    if made is None or made.halted or made.stopping:  # a stop that was accepted comes after its reports
        return
    url = Secret(made.url())
    for service in world.services.values():
        if made.answer(world.now) is made.healthy and service.uses(url):
            raise Violation(f"instance {number} is given up while {service.name} runs with it")


def _is_in_no_use(world: World, number: InstanceId) -> None:
    """Check that a run without the web host gives up no running machine that an app has, also if it is not healthy."""
    made = world.paid.get(number)
    if made is not None and not made.halted and any(s.uses(Secret(made.url())) for s in world.services.values()):
        raise Violation(f"instance {number} is given up without the web host, and an app has its address")
