"""Invariants of the `World` after a successful command and at the end of a history."""

from __future__ import annotations

from ert_deploy.core.model.desired import ABSENT, ASLEEP, RUNNING, Phase
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.replica import replica_of
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.planning.replicas.parts import part_of
from tests.simulation.following import secrets_of
from tests.simulation.market import Machine
from tests.simulation.stories import Agent, Command, Rotation
from tests.simulation.web import NAMES_OF
from tests.simulation.world import Violation, World


def must(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Violation(otherwise)


def claims(world: World, command: Command, replicas: int) -> None:
    """Check the result of a successful command that did not run concurrently with another one.

    One replica may be done long before the last one, so that several are checked only if nothing was changed from
    outside.
    """
    desired = command.desired if isinstance(command, Rotation | Agent) else command
    since = world.listing if world.replicas == 1 else world.command_began
    touched = world.touched >= since
    if desired is None or (touched and desired.phase is RUNNING):  # by a user since the last listing
        return
    if world.replicas > 1 and world.struck >= since:
        return
    unseen = [number for number, made in world.paid.items() if made.edited >= since]
    not_ours = {*world.whole.claims.ignored, *world.lost_to_all(), *unseen}
    ours = [number for number in sorted(world.paid) if number not in not_ours]
    running = [number for number in ours if not world.paid[number].halted]
    if desired.phase is ABSENT:
        must(not ours and not world.pending, f"down ended well: paid {ours}, {world.pending} to come")
    elif desired.phase is ASLEEP:
        must(not running and not world.pending, f"sleep ended well: {running}, {world.pending} to come")
        must(_at_most_one_each(world, ours, replicas), f"sleep ended well: the disks of {ours}")
        coming = [number for number in ours if world.paid[number].may_start()]
        must(world.struck >= since or not coming, f"sleep ended well: {coming} may start by an earlier call")
    else:
        must(_one_each(world, ours, replicas), f"up ended well: paid {ours}")
    if world.struck < since:
        _apps_claimed(world, desired.phase, [world.paid[number] for number in ours], replicas)


def _one_each(world: World, ours: list[InstanceId], replicas: int) -> bool:
    return sorted(world.paid[number].replica for number in ours) == list(range(1, replicas + 1))


def _at_most_one_each(world: World, ours: list[InstanceId], replicas: int) -> bool:
    numbers = [world.paid[number].replica for number in ours]
    return len({*numbers}) == len(numbers) and all(number <= replicas for number in numbers)


def _apps_claimed(world: World, phase: Phase, ours: list[Machine], replicas: int) -> None:
    """Check what a successful command says of apps and state, if nothing has happened since its last list."""
    if phase is ABSENT:
        must(settled(world), "down ended well: the state still knows something")
    for service in world.services.values() if phase is not ASLEEP else ():
        for number in range(1 if phase is ABSENT else replicas + 1, world.replicas + 1):
            must(not service.points(number), "down ended well: an app still points somewhere")
        for made in ours:
            names = NAMES_OF[made.replica]
            must(
                made.answer(world.now) is made.healthy and not made.halted, "up ended well: what serves is not healthy"
            )
            must(service.env[names.url].reveal() == made.url(), "up ended well: the app points elsewhere")
            shown = service.shown.get(made.replica)
            must(shown == service.env[names.fingerprint].reveal(), "up ended well: the app runs with other values")
            must(not service.becomes_another(), "up ended well: a deploy of other values is under way")


def _is_up(world: World, replicas: int) -> None:
    """Check that one instance of each replica is rented, ready and in the state, and that every app uses it."""
    paid = world.paid
    _neighbours_kept(world)
    known = sorted(r.id for r in world.whole.records)
    must(sorted(paid) == known, f"paid {sorted(paid)}, in the state {known}")
    must(_one_each(world, [*paid], replicas), f"{len(paid)} are paid after up")
    must(_is_settled(world), "the state is not settled")
    for made in paid.values():
        names = NAMES_OF[made.replica]
        must(not made.trouble and not made.halted, "what serves is not healthy")
        must(part_of(world.state, made.replica).record(made.id) is not None, "another replica has it")
        for service in world.services.values():
            env = service.env
            must(env[names.url].reveal() == made.url(), "the app points elsewhere")
            must(env[names.key].sha256() in made.keys, "the app holds another key")
            shown = service.shown.get(made.replica)
            must(shown == env[names.fingerprint].reveal(), "the running app has another configuration")
    _none_above(world, replicas)
    _clean(world)


def _is_settled(world: World) -> bool:
    state = world.whole
    return not state.tombstones and not [i for i in state.intents if not i.gone]


def _none_above(world: World, replicas: int) -> None:
    """Check that nothing is left of a replica above their number."""
    for service in world.services.values():
        for number in range(replicas + 1, world.replicas + 1):
            must(not service.points(number), f"an app still points to replica {number}")
    left = [part.deployment for part in world.state.replicas if replica_of(part.deployment)[1] > replicas]
    kept = [part.deployment for part in world.state.replicas if part.claims.ignored]
    must(left == [name for name in kept if name in left], f"the document still has {left}")


def held_keys(world: World) -> set[Secret]:
    """Return the keys in the environments of the apps."""
    names = [NAMES_OF[number].key for number in range(1, world.replicas + 1)]
    return {service.env[name] for service in world.services.values() for name in names if name in service.env}


def is_rotated(world: World, before: set[Secret]) -> None:
    """Check that all apps have the same new key, and that the backend accepts no other one."""
    held = held_keys(world)
    taken = sorted(digest for made in world.paid.values() for digest in made.keys)
    must(sorted(key.sha256() for key in held) == taken, "another key than the app's is taken after rotate")
    must(not held & before, "an app has a key after rotate that it had before")


def _is_down(world: World, replicas: int) -> None:
    """Check that no instance exists or is pending in the state, and that no app has an address."""
    must(not world.paid and not world.pending, f"{sorted(world.paid)} are paid after down")
    must(settled(world), "the state still knows something")
    _neighbours_kept(world)
    for service in world.services.values():
        for number in range(1, world.replicas + 1):
            must(not service.points(number), "an app still points somewhere")
    _none_above(world, replicas)
    _clean(world)


def settled(world: World) -> bool:
    """Whether the state has no entry that may cost money. Intents for offers that were gone do not count."""
    state = world.whole
    return not (state.records or state.tombstones or [i for i in state.intents if not i.gone])


def _is_asleep(world: World, replicas: int) -> None:
    """Check that no GPU is running, and that at most one stopped instance of each replica exists, with a record."""
    must(not world.running(), f"the GPUs of {world.running()} are paid after sleep")
    few = _at_most_one_each(world, [*world.paid], replicas)
    must(few and not world.pending, f"{sorted(world.paid)} are paid after sleep")
    must(sorted(world.paid) == sorted(r.id for r in world.whole.records), "the state knows another disk")
    must(_is_settled(world), "the state is not settled")
    _none_above(world, replicas)
    _neighbours_kept(world)
    _clean(world)


def is_nothing(world: World) -> None:
    """Check the result of a wake without an instance: none exists or is pending in the state."""
    must(not world.paid and not world.pending, f"{sorted(world.paid)} are paid, and wake says there is nothing")
    must(settled(world), "the state still knows something")
    _clean(world)


def is_reaped(world: World) -> None:
    """Check that every rented instance has a record, an intent or a tombstone in the state."""
    tokens = {i.token for i in world.whole.intents} | {t.token for t in world.whole.tombstones}
    known = {r.id for r in world.whole.records}
    strays = [m.id for m in world.paid.values() if m.id not in known and m.mark.token not in tokens]
    must(not strays, f"{strays} are paid after reap, and no state knows them")
    _clean(world)


def _neighbours_kept(world: World) -> None:
    for service in world.services.values():
        must(service.neighbours_kept(), "a variable of somebody else has changed")


IS = {RUNNING: _is_up, ABSENT: _is_down, ASLEEP: _is_asleep}


def _clean(world: World) -> None:
    text = repr((world.state, world.state.replicas))
    must(not any(one in text for one in secrets_of(world)), "a derived key, or their secret, is in the state")
    for made in world.machines.values():
        must(made.order.env["ERT_BOOT_SECRET"] not in text, "a boot secret is in the state")
    for service in world.services.values():
        keys = (service.env.get(NAMES_OF[number].key) for number in range(1, world.replicas + 1))
        must(all(key is None or key.reveal() not in text for key in keys), "a key is in the state")
