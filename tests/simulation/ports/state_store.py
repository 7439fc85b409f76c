"""State store port of the simulator: conditional writes, and checks for instances marked for deletion."""

from __future__ import annotations

from ert_deploy.core.model.errors import StateConflict
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.model.state import State, Tombstone
from tests.simulation.market import HOST
from tests.simulation.web import NAMES
from tests.simulation.world import Violation, World


def load(world: World) -> State:
    return world.state


def save(world: World, state: State) -> State:
    if state.generation != world.state.generation:
        raise StateConflict("somebody wrote")
    if state.tombstones:
        before = {t.id for t in world.state.tombstones}
        _given_up(world, [t for t in state.tombstones if t.id not in before])
    world.state = State(  # explicit arguments: `replace` is slower by a factor of 3, and this runs for every write
        state.deployment, state.generation + 1, state.intents, state.records, state.tombstones, state.denied,
        state.rollouts, state.account, state.claims, state.begun, state.launches,
        state.history,
    )  # fmt: skip
    return world.state


def _given_up(world: World, tombstones: list[Tombstone]) -> None:
    actor = world.acting
    for tombstone in tombstones:
        if actor.must_keep_serving():
            _leaves_no_app_alone(world, tombstone.id)
        made = actor.rented.get(tombstone.token)
        if made is not None and "toomanyrequests" in tombstone.reason:
            actor.unpulled.add(made.offer)


def _leaves_no_app_alone(world: World, number: InstanceId) -> None:
    """Check that `up`, `wake` and `sleep` do not delete a responding backend that is used by an app."""
    made = world.paid.get(number)
    if made is None or made.halted:
        return
    url = Secret(f"https://{HOST}:{made.port}")
    for service in world.services.values():
        if made.answer(world.now) is made.healthy and service.used.get(NAMES.url) == url:
            raise Violation(f"instance {number} is given up while {service.name} runs with it")
