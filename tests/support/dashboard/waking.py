"""The waker of a dashboard under test: its pauses are short, and its agent wakes the fake backend."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ert_dashboard.reports import waker
from tests.support.dashboard.fake_backend import FakeBackend
from tests.support.doubles.agent import AgentDouble

EVERY_S = 0.05


def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every pause of the waker short."""
    for name in ("EVERY_S", "_LASTING_S", "_PROBLEM_S", "_LOOK_S"):
        monkeypatch.setattr(waker, name, EVERY_S)
    monkeypatch.setattr(waker.Waker, "longest_pause_s", 0.2)


@contextmanager
def agent_of(backend: FakeBackend) -> Iterator[AgentDouble]:
    """Have the backend sleep, and yield an agent that wakes it; it is awake at the end, so that it can be closed."""
    found = AgentDouble(woken=backend.wake)
    backend.sleep()
    yield found
    found.kill()
    if found.state["phase"] != "ready":
        backend.wake()
