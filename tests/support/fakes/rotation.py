"""Rotations of the backend's key on in-memory ports, and the invariants of the keys during and after them."""

from __future__ import annotations

from dataclasses import replace

from ert_deploy.core.model.desired import Desired, OwnedNames, Target
from ert_deploy.engine.rotate import Rotated, rotate
from tests.support.fakes.history import WANTED, Process, T, is_up
from tests.support.fakes.loopback import FakeWorld

NAMES = OwnedNames()
BOTH = replace(WANTED, targets=(Target("dash"), Target("admin")))


def rotating(made: FakeWorld, desired: Desired = WANTED) -> Process[Rotated]:
    """Return a `key rotate` run before its first effect."""
    return Process(made, rotate(replace(desired, begin=False)))


def to_the_end(process: Process[T]) -> T:
    """Step the run to its end; no running app is denied access at any point."""
    while process.step():
        nobody_is_refused(process.world)
    return process.finish()


def nobody_is_refused(made: FakeWorld) -> None:
    """Assert that the key of every running app is accepted by the backend it refers to."""
    at = {f"https://203.0.113.7:{i.port}": i for i in made.gpu.instances.values() if i.destroyed is None}
    for service in made.web.services.values():
        backend = at.get(service.running[NAMES.url].reveal()) if NAMES.url in service.running else None
        assert backend is None or service.running[NAMES.key].sha256() in backend.keys, f"{service.name} is refused"


def held(made: FakeWorld) -> set[str]:
    """Return the hashes of the keys of the apps."""
    return {service.env[NAMES.key].sha256() for service in made.web.services.values()}


def one_key(made: FakeWorld, desired: Desired = WANTED) -> None:
    """Assert that the deployment serves and that the key of the apps is the only accepted one."""
    is_up(made, desired)
    assert held(made) == set(made.gpu.only().keys)
    assert made.store.state.records[0].asked == ()
