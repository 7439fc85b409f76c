"""Backend port of the simulator: health, activity and accepted keys of the backends."""

from __future__ import annotations

from dataclasses import replace

from ert_deploy.core.model.errors import Rejected, StateConflict, Transient
from ert_deploy.core.model.labels import Mark
from ert_deploy.core.model.observed import Address, Health
from ert_deploy.core.model.secret import Secret
from tests.simulation.ids import nth
from tests.simulation.market import IMPOSTOR, MOVE, PORT_BASE, UNREACHABLE, Machine
from tests.simulation.world import Violation, World

DRAIN = 75.0  # seconds for which the previous version of an app may still send requests


def busy(world: World, address: Address, certificate: str, key: Secret) -> int:
    world.acting.asked = world.calls
    busy = world.kind == "busy"
    if busy:
        world.acting.waits = world.acting.waits or world.now
    return int(busy)


def _at(world: World, address: Address) -> Machine | None:
    """Return the running machine at an address, or None."""
    made = world.paid.get(nth((address.port - PORT_BASE) % MOVE))
    return made if made is not None and not made.halted and made.port == address.port else None


def probe(world: World, address: Address, mark: Mark, boot_secret: Secret, pinned: str) -> Health:
    made = _at(world, address)
    if made is None or world.kind == "silent":
        return UNREACHABLE
    found = made.answer(world.now)
    if found is made.healthy:
        if not made.environed or (made.mark, made.boot_secret) != (mark, boot_secret):
            return IMPOSTOR  # without its boot secret and mark it cannot prove its identity
        world.acting.proven[made.id] = world.calls
    return found


def accepts(world: World, address: Address, certificate: str, key: Secret) -> bool:
    return key.sha256() in _holder(world, address, certificate).keys


def _holder(world: World, address: Address, certificate: str) -> Machine:
    """Return the machine at the address with that certificate. Raises Transient if there is none."""
    made = _at(world, address)
    if made is None or made.certificate != certificate or made.trouble:
        raise Transient("no line to the holder of that certificate")
    return made


def keys_in_force(world: World, address: Address, certificate: str, boot_secret: Secret) -> tuple[int, tuple[str, ...]]:
    made = _holder(world, address, certificate)
    if made.boot_secret != boot_secret:
        raise Rejected("/admin/keys answered 401")
    return made.generation, made.keys


def set_keys(
    world: World, address: Address, certificate: str, boot_secret: Secret, generation: int, hashes: tuple[str, ...]
) -> None:
    made = _holder(world, address, certificate)
    if (generation, set(hashes)) == (made.generation, set(made.keys)):
        return
    if generation <= made.generation:
        raise StateConflict("stale")
    world.changes += 1
    if made.boot_secret != boot_secret:
        raise Violation("keys are set with the boot secret of another machine")
    record = world.whole.record(made.id)
    marked = any(t.id == made.id for t in world.whole.tombstones)  # by another command, since then
    if not marked and (record is None or not record.asked):
        raise Violation("keys are set, and nobody wrote that down")
    for service in world.services.values() if not world.beyond else ():
        if not service.in_use(Secret(address.url()), world.now - DRAIN) <= {*hashes}:
            raise Violation(f"{service.name} is still using a key that its backend is to take no more")
    made.keys, made.generation = hashes, generation


def set_limits(
    world: World, address: Address, certificate: str, boot_secret: Secret, limits: tuple[int, int, int]
) -> None:
    made = _holder(world, address, certificate)
    if made.boot_secret != boot_secret:
        raise Rejected("/admin/limits answered 401")
    world.changes += 1
    made.healthy = replace(made.healthy, limits=limits)
