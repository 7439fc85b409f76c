"""Rotations of the backend's key on a fake world, and what must hold of the keys meanwhile and afterwards."""

from __future__ import annotations

from dataclasses import replace

from ert_deploy.core.model.desired import Desired, OwnedNames, Target
from ert_deploy.engine.rotate import Rotated, rotate
from tests.support.fakes.history import WANTED, Process, T, is_up
from tests.support.fakes.loopback import FakeWorld

NAMES = OwnedNames()
BOTH = replace(WANTED, targets=(Target("dash"), Target("admin")))


def rotating(made: FakeWorld, desired: Desired = WANTED) -> Process[Rotated]:
    """`key rotate`, before its first effect."""
    return Process(made, rotate(replace(desired, begin=False)))


def to_the_end(process: Process[T]) -> T:
    """Step by step; at no moment is a running app refused."""
    while process.step():
        nobody_is_refused(process.world)
    return process.finish()


def nobody_is_refused(made: FakeWorld) -> None:
    """Whatever key a running app shows to the backend it points at is taken."""
    at = {f"https://203.0.113.7:{i.port}": i for i in made.gpu.instances.values() if i.destroyed is None}
    for service in made.web.services.values():
        backend = at.get(service.running[NAMES.url].reveal()) if NAMES.url in service.running else None
        assert backend is None or service.running[NAMES.key].sha256() in backend.keys, f"{service.name} is refused"


def held(made: FakeWorld) -> set[str]:
    """The hashes of the keys the apps hold."""
    return {service.env[NAMES.key].sha256() for service in made.web.services.values()}


def one_key(made: FakeWorld, desired: Desired = WANTED) -> None:
    """Serving, and the key of the apps is the only one that is taken."""
    is_up(made, desired)
    assert held(made) == set(made.gpu.only().keys)
    assert made.store.state.records[0].asked == ()
