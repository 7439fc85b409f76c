"""Figures of a machine: the time until it stops for lack of work, and durations as text."""

from __future__ import annotations

import pytest

from ert_deploy.core.model.machine.figures import Figures
from ert_deploy.core.model.text import span


@pytest.mark.parametrize(
    ("figures", "left"),
    [
        (Figures(idle=100.0, idle_stop=1200.0), 1100.0),
        (Figures(idle=1300.0, idle_stop=1200.0, active=0, waiting=0), 0.0),
        (Figures(idle=100.0, idle_stop=0.0), None),
        (Figures(idle=100.0), None),
        (Figures(idle_stop=1200.0), None),
        (Figures(idle=0.0, idle_stop=1200.0, active=1), None),
        (Figures(idle=0.0, idle_stop=1200.0, waiting=2), None),
    ],
)
def test_the_idle_time_left(figures: Figures, left: float | None) -> None:
    assert figures.idle_left() == left


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1.0, "0 s"), (0.4, "0 s"), (59.9, "59 s"), (60.0, "1 min"), (3599.0, "59 min"), (3600.0, "1 h 00 min"),
        (11_100.0, "3 h 05 min"), (86_399.0, "23 h 59 min"), (187_200.0, "2 d 4 h"),
    ],
)  # fmt: skip
def test_a_duration(seconds: float, text: str) -> None:
    assert span(seconds) == text
