"""Worlds in which the backend sleeps, or is awake and is to sleep."""

from __future__ import annotations

from dataclasses import replace

from ert_deploy.core.model.desired import Phase
from tests.support.fakes.history import WANTED, served, up
from tests.support.fakes.loopback import FakeWorld

WAKE = replace(WANTED, begin=False)
SLEEP = replace(WANTED, phase=Phase.ASLEEP)


def awake() -> FakeWorld:
    """One serves; what was told until now is forgotten."""
    made = served()
    made.listener.events.clear()
    return made


def asleep() -> FakeWorld:
    """One has been put to sleep; what was told until now is forgotten."""
    made = served()
    up(made, SLEEP)
    is_asleep(made)
    made.listener.events.clear()
    return made


def is_asleep(made: FakeWorld) -> None:
    """One disk, no GPU, in the state, and every app holds what it held."""
    assert made.gpu.running() == ()
    assert [r.id for r in made.store.state.records] == list(made.gpu.paid())
    assert len(made.gpu.paid()) <= 1
