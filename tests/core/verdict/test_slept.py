"""How long an instance slept, by its history: exact where a run stopped it, and never more than is known."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ert_deploy.core.model.log.happened import Happened
from ert_deploy.core.model.observed import Power
from ert_deploy.core.model.state import State
from ert_deploy.core.verdict.slept import slept
from tests.support.situations import instance

ONE = instance(7)
ASLEEP = replace(ONE, power=Power.STOPPED)


@pytest.mark.parametrize(
    ("events", "awake", "asleep"),
    [
        ([], (0.0, None), (0.0, None)),
        ([(100, "ready")], (0.0, None), (0.0, None)),
        ([(100, "ready"), (200, "stopped")], (0.0, None), (800.0, 800.0)),
        ([(200, "stopped"), (500, "started"), (600, "ready")], (300.0, None), (300.0, None)),
        ([(200, "stopped"), (500, "started"), (900, "stopped")], (300.0, None), (400.0, 100.0)),
        ([(200, "stopped"), (300, "stopped"), (500, "started")], (300.0, None), (300.0, None)),
        ([(-200, "stopped"), (500, "started")], (0.0, None), (0.0, None)),
        ([(700, "stopped"), (500, "started")], (0.0, None), (0.0, None)),
        ([(2000, "stopped")], (0.0, None), (0.0, 0.0)),
        ([(200, "keys"), (300, "published")], (0.0, None), (0.0, None)),
    ],
)
def test_between_a_stop_and_the_next_start(
    events: list[tuple[float, str]], awake: tuple[float, float | None], asleep: tuple[float, float | None]
) -> None:
    history = [Happened(at, what, ONE.id) for at, what in events]
    others = [Happened(1.0, "stopped", "8"), Happened(900.0, "started", "8")]
    state = replace(State("ert"), history=(*others, *history))
    assert slept(ONE, state, 1000.0) == awake
    assert slept(ASLEEP, state, 1000.0) == asleep
