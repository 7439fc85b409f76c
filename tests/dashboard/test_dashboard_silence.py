"""A backend that does not respond: asleep, waking, gone or unreachable, and since when."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ert_dashboard.backend.machine_view import Phase
from ert_dashboard.backend.silence import DETAILS, LastWord, last_word, silent_since, silent_state
from ert_dashboard.backend.spend import Sample
from ert_dashboard.base.machine import Machine
from ert_dashboard.web.app import Dashboard
from tests.support.dashboard.fake_backend import FakeBackend
from tests.support.doubles.agent import AgentDouble

Start = Callable[[dict[str, str]], Dashboard]
STOPS = Machine(idle_stop=1200)
NEVER_STOPS = Machine(idle_stop=0)
QUICK = Machine(idle_stop=1200, speed=20)


@pytest.mark.parametrize(
    ("phase", "word", "known", "after_s", "state"),
    [
        # The agent's word comes first.
        ("asleep", LastWord(0, 5), STOPS, 10, "asleep"),
        ("waking", LastWord(0, 5), STOPS, 10, "waking"),
        ("gone", LastWord(0, 5000), STOPS, 10, "gone"),
        ("ready", LastWord(0, 5000), STOPS, 10, "unreachable"),
        ("ready", None, Machine(), 10, "unreachable"),
        # It knows nothing, or there is none: only after its idle time can the guard have stopped the machine.
        ("unknown", LastWord(0, 5), STOPS, 10, "unreachable"),
        ("failed", LastWord(0, 5), STOPS, 1200, "asleep"),
        (None, LastWord(0, 5), STOPS, 1100, "unreachable"),
        (None, LastWord(0, 5), STOPS, 1140, "asleep"),
        (None, LastWord(0, 1150), STOPS, 1, "asleep"),
        (None, LastWord(0, 5, draining=True), STOPS, 10, "asleep"),
        (None, LastWord(0, 5), NEVER_STOPS, 10**6, "unreachable"),
        (None, LastWord(0, 5), QUICK, 50, "unreachable"),
        (None, LastWord(0, 5), QUICK, 60, "asleep"),
        # Nothing speaks for another state than the usual one.
        (None, None, STOPS, 10, "asleep"),
        (None, LastWord(0, 5), Machine(), 10, "asleep"),
    ],
)
def test_why_a_backend_is_silent(
    phase: Phase | None, word: LastWord | None, known: Machine, after_s: float, state: str
) -> None:
    assert silent_state(phase, word, known, after_s) == state


def test_a_last_word_has_an_idle_time() -> None:
    assert last_word({"idle_seconds": 3, "draining": True}, 7) == LastWord(7, 3, draining=True)
    for nothing in ({}, {"idle_seconds": "x"}, {"idle_seconds": -1}, {"idle_seconds": True}):
        assert last_word(nothing, 7) is None


def test_the_last_response_is_found_in_the_samples_of_all_processes() -> None:
    assert silent_since([]) is None
    assert silent_since([Sample(1, None)]) is None
    assert silent_since([Sample(1, 5), Sample(2, 6), Sample(3, None), Sample(4, None)]) == 2


@pytest.fixture
def agent() -> Iterator[AgentDouble]:
    found = AgentDouble(wakes_needed=10**6)
    yield found
    found.kill()


@pytest.mark.parametrize(
    ("phase", "state", "detail"),
    [
        ("gone", "gone", DETAILS["gone"]),
        ("ready", "unreachable", DETAILS["unreachable"]),
        ("asleep", "asleep", "the backend is asleep: the button `Wake the GPU` wakes it"),
        ("waking", "waking", "the GPU is being woken"),
    ],
)
def test_the_agent_s_signed_word_is_shown(
    environ: dict[str, str], start: Start, backend: FakeBackend, agent: AgentDouble, phase: str, state: str, detail: str
) -> None:
    agent.state.update({"phase": phase})
    backend.sleep()
    try:
        client: Any = start({**environ, **agent.environ()}).app.test_client()
        found = client.get("/api/deployment").json
        assert (found["state"], found["wake"]["phase"]) == (state, phase)
        assert found["detail"] == detail
        assert found["silent_since"] is None  # this dashboard has never heard of it
    finally:
        backend.wake()
