"""Environments in which the backend is asleep, or serves and is about to sleep."""

from __future__ import annotations

from dataclasses import replace

from ert_deploy.core.model.desired import Phase
from tests.support.fakes.history import WANTED, served, up
from tests.support.fakes.loopback import FakeWorld

WAKE = replace(WANTED, begin=False)
SLEEP = replace(WANTED, phase=Phase.ASLEEP)


def awake() -> FakeWorld:
    """Return an environment with one serving instance and an empty event list."""
    made = served()
    made.listener.events.clear()
    return made


def asleep() -> FakeWorld:
    """Return an environment with one sleeping instance and an empty event list."""
    made = served()
    up(made, SLEEP)
    is_asleep(made)
    made.listener.events.clear()
    return made


def is_asleep(made: FakeWorld) -> None:
    """Assert at most one disk, as in the state, and no GPU."""
    assert made.gpu.running() == ()
    assert [r.id for r in made.store.state.records] == list(made.gpu.paid())
    assert len(made.gpu.paid()) <= 1
