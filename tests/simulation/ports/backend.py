"""The backends of a world: whether they answer, are busy, and which keys they take."""

from __future__ import annotations

from ert_deploy.core.model.errors import StateConflict, Transient
from ert_deploy.core.model.observed import Address, Health
from ert_deploy.core.model.secret import Secret
from ert_deploy.engine import effects as e
from tests.simulation.ids import nth
from tests.simulation.market import IMPOSTOR, MOVE, PORT_BASE, UNREACHABLE, Machine
from tests.simulation.world import Violation, World

DRAIN = 75.0  # seconds for which what ran before may still be asking


def busy(world: World, _: e.Busy) -> int:
    return int(world.kind == "busy")


def _at(world: World, address: Address) -> Machine | None:
    """The machine that answers at an address."""
    made = world.paid.get(nth((address.port - PORT_BASE) % MOVE))
    return made if made is not None and not made.halted and made.port == address.port else None


def probe(world: World, effect: e.Probe) -> Health:
    made = _at(world, effect.address)
    if made is None or world.kind == "silent":
        return UNREACHABLE
    if not made.environed and made.answer(world.now) is made.healthy:
        return IMPOSTOR  # nobody has the boot secret any more, with which it could prove itself
    return made.answer(world.now)


def accepts(world: World, effect: e.Accepts) -> bool:
    return effect.key.sha256() in _holder(world, effect).keys


def _holder(world: World, effect: e.Accepts | e.KeysInForce | e.SetKeys) -> Machine:
    """The machine at that address that holds that certificate."""
    made = _at(world, effect.address)
    if made is None or made.certificate != effect.certificate or made.trouble:
        raise Transient("no line to the holder of that certificate")
    return made


def keys_in_force(world: World, effect: e.KeysInForce) -> tuple[int, tuple[str, ...]]:
    made = _holder(world, effect)
    return made.generation, made.keys


def set_keys(world: World, effect: e.SetKeys) -> None:
    made = _holder(world, effect)
    if (effect.generation, set(effect.hashes)) == (made.generation, set(made.keys)):
        return
    if effect.generation <= made.generation:
        raise StateConflict("stale")
    world.changes += 1
    if made.boot_secret != effect.boot_secret:
        raise Violation("keys are set with the boot secret of another machine")
    record = world.state.record(made.id)
    entombed = any(t.id == made.id for t in world.state.tombstones)  # by another one, since then
    if not entombed and (record is None or not record.asked):
        raise Violation("keys are set, and nobody wrote that down")
    for service in world.services.values() if not world.beyond else ():
        if not service.in_use(Secret(effect.address.url()), world.now - DRAIN) <= {*effect.hashes}:
            raise Violation(f"{service.name} is still using a key that its backend is to take no more")
    made.keys, made.generation = effect.hashes, effect.generation
