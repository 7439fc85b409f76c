"""Invariants of the `World` after a successful command and at the end of a history."""

from __future__ import annotations

from ert_deploy.core.model.desired import ABSENT, ASLEEP, RUNNING, Phase
from ert_deploy.core.model.secret import Secret
from tests.simulation.market import HOST, Machine
from tests.simulation.stories import Agent, Command, Rotation
from tests.simulation.web import NAMES
from tests.simulation.world import Violation, World


def must(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Violation(otherwise)


def claims(world: World, command: Command) -> None:
    """Check the result of a successful command that did not run concurrently with another one."""
    desired = command.desired if isinstance(command, Rotation | Agent) else command
    touched = world.touched >= world.listing
    if desired is None or (touched and desired.phase is RUNNING):  # by a user since the last listing
        return
    unseen = [number for number, made in world.paid.items() if made.edited >= world.listing]
    not_ours = {*world.state.claims.ignored, *world.lost_to_all(), *unseen}
    ours = [number for number in sorted(world.paid) if number not in not_ours]
    running = [number for number in ours if not world.paid[number].halted]
    if desired.phase is ABSENT:
        must(not ours and not world.pending, f"down ended well: paid {ours}, {world.pending} to come")
    elif desired.phase is ASLEEP:
        must(not running and not world.pending, f"sleep ended well: {running}, {world.pending} to come")
        must(len(ours) <= 1, f"sleep ended well: the disks of {ours}")
        coming = [number for number in ours if world.paid[number].may_start()]
        must(world.struck >= world.listing or not coming, f"sleep ended well: {coming} may start by an earlier call")
    else:
        must(len(ours) == 1, f"up ended well: paid {ours}")
    if world.struck < world.listing:
        _apps_claimed(world, desired.phase, world.paid[ours[0]] if ours else None)


def _apps_claimed(world: World, phase: Phase, made: Machine | None) -> None:
    """Check what a successful command says of apps and state, if nothing has happened since its last list."""
    if phase is ABSENT:
        must(settled(world), "down ended well: the state still knows something")
    for service in world.services.values() if phase is not ASLEEP else ():
        if phase is ABSENT:
            must(not {NAMES.url, NAMES.key} & service.env.keys(), "down ended well: an app still points somewhere")
            continue
        assert made is not None
        must(made.answer(world.now) is made.healthy and not made.halted, "up ended well: what serves is not healthy")
        must(service.env[NAMES.url].reveal() == address(made), "up ended well: the app points elsewhere")
        must(service.shown == service.env[NAMES.fingerprint].reveal(), "up ended well: the app runs with other values")
        must(not service.becomes_another(), "up ended well: a deploy of other values is under way")


def address(made: Machine) -> str:
    return f"https://{HOST}:{made.port}"


def _is_up(world: World) -> None:
    """Check that one instance is rented, that it is ready and in the state, and that every app uses it."""
    state, paid = world.state, world.paid
    _neighbours_kept(world)
    must(sorted(paid) == sorted(r.id for r in state.records), f"paid {sorted(paid)}, in the state {state.records}")
    must(len(paid) == 1, f"{len(paid)} are paid after up")
    (made,) = paid.values()
    must(not made.trouble and not made.halted, "what serves is not healthy")
    must(not state.tombstones and not [i for i in state.intents if not i.gone], "the state is not settled")
    for service in world.services.values():
        env = service.env
        must(env[NAMES.url].reveal() == address(made), "the app points elsewhere")
        must(env[NAMES.key].sha256() in made.keys, "the app holds another key")
        must(service.shown == env[NAMES.fingerprint].reveal(), "the running app has another configuration")
    _clean(world)


def held_keys(world: World) -> set[Secret]:
    """Return the keys in the environments of the apps."""
    return {service.env[NAMES.key] for service in world.services.values() if NAMES.key in service.env}


def is_rotated(world: World, before: set[Secret]) -> None:
    """Check that all apps have the same new key, and that the backend accepts no other one."""
    (made,), held = world.paid.values(), held_keys(world)
    must([key.sha256() for key in held] == list(made.keys), "another key than the app's is taken after rotate")
    must(not held & before, "an app has a key after rotate that it had before")


def _is_down(world: World) -> None:
    """Check that no instance exists or is pending in the state, and that no app has an address."""
    must(not world.paid and not world.pending, f"{sorted(world.paid)} are paid after down")
    must(settled(world), "the state still knows something")
    _neighbours_kept(world)
    for service in world.services.values():
        must(not {NAMES.url, NAMES.key, NAMES.certificate} & service.env.keys(), "an app still points somewhere")
    _clean(world)


def settled(world: World) -> bool:
    """Whether the state has no entry that may cost money. Intents for offers that were gone do not count."""
    state = world.state
    return not (state.records or state.tombstones or [i for i in state.intents if not i.gone])


def _is_asleep(world: World) -> None:
    """Check that no GPU is running, and that at most one stopped instance exists, with a record in the state."""
    state = world.state
    must(not world.running(), f"the GPUs of {world.running()} are paid after sleep")
    must(len(world.paid) <= 1 and not world.pending, f"{sorted(world.paid)} are paid after sleep")
    must(sorted(world.paid) == sorted(r.id for r in state.records), "the state knows another disk")
    must(not state.tombstones and not [i for i in state.intents if not i.gone], "the state is not settled")
    _neighbours_kept(world)
    _clean(world)


def is_nothing(world: World) -> None:
    """Check the result of a wake without an instance: none exists or is pending in the state."""
    must(not world.paid and not world.pending, f"{sorted(world.paid)} are paid, and wake says there is nothing")
    must(settled(world), "the state still knows something")
    _clean(world)


def is_reaped(world: World) -> None:
    """Check that every rented instance has a record, an intent or a tombstone in the state."""
    tokens = {i.token for i in world.state.intents} | {t.token for t in world.state.tombstones}
    known = {r.id for r in world.state.records}
    strays = [m.id for m in world.paid.values() if m.id not in known and m.mark.token not in tokens]
    must(not strays, f"{strays} are paid after reap, and no state knows them")
    _clean(world)


def _neighbours_kept(world: World) -> None:
    for service in world.services.values():
        must(service.neighbours_kept(), "a variable of somebody else has changed")


IS = {RUNNING: _is_up, ABSENT: _is_down, ASLEEP: _is_asleep}


def _clean(world: World) -> None:
    text = repr(world.state)
    for made in world.machines.values():
        must(made.order.env["ERT_BOOT_SECRET"] not in text, "a boot secret is in the state")
    for service in world.services.values():
        key = service.env.get(NAMES.key)
        must(key is None or key.reveal() not in text, "a key is in the state")
