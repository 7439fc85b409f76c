"""How long an instance slept, by its history: exact where a run stopped it, and never more than is known."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from ert_deploy.core.model.log.happened import Happened
from ert_deploy.core.model.observed import Instance, Power
from ert_deploy.core.model.state import State
from ert_deploy.core.verdict.slept import Known, cost, slept
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
    found, lying = slept(ONE, state, 1000.0), slept(ASLEEP, state, 1000.0)
    assert (found.total, found.lasting) == awake
    assert (lying.total, lying.lasting) == asleep


READY, STOPPED, STARTED = (100, "ready"), (200, "stopped"), (500, "started")


@pytest.mark.parametrize(
    ("events", "now", "ran", "known", "total"),
    [
        ((READY,), ONE, None, Known.EXACTLY, 0.0),
        ((READY, STOPPED), ASLEEP, None, Known.EXACTLY, 800.0),
        ((READY, STOPPED, STARTED), ONE, None, Known.EXACTLY, 300.0),
        ((READY,), ASLEEP, None, Known.AT_MOST, 0.0),
        ((READY,), ASLEEP, 250.0, Known.ABOUT, 650.0),
        ((READY,), ASLEEP, 5000.0, Known.ABOUT, 0.0),
        ((READY, STOPPED, STARTED), ASLEEP, 100.0, Known.ABOUT, 700.0),
        ((READY, STARTED), ONE, None, Known.AT_MOST, 0.0),
        ((READY, STARTED), ASLEEP, 100.0, Known.AT_MOST, 400.0),
        ((), ASLEEP, 100.0, Known.AT_MOST, 0.0),
        (((-5, "ready"),), ASLEEP, 100.0, Known.AT_MOST, 0.0),
        ((READY, (-200, "stopped")), ASLEEP, 50.0, Known.AT_MOST, 0.0),
        ((READY, STOPPED, STARTED, (500, "stranded")), ASLEEP, None, Known.EXACTLY, 800.0),
    ],
)
def test_a_cost_is_exact_where_every_sleep_is_known(
    events: tuple[tuple[float, str], ...], now: Instance, ran: float | None, known: Known, total: float
) -> None:
    history = tuple(Happened(at, what, ONE.id) for at, what in ((50, "rented"), *events))
    found = slept(now, replace(State("ert"), history=history), 1000.0, ran)
    assert (found.known, found.total) == (known, total)
    cut_off = slept(now, replace(State("ert"), history=history[1:]), 1000.0, ran)
    assert (cut_off.known, cut_off.total) == (Known.AT_MOST, total)


def test_the_cost_of_a_sleep_is_that_of_its_disk() -> None:
    one = replace(ONE, started=1000.0, dph=0.36, disk_dph=0.036)
    assert cost(one, 0.0, 4600.0) == pytest.approx(0.36)
    assert cost(one, 1800.0, 4600.0) == pytest.approx(0.198)
    assert cost(one, 9e9, 4600.0) == pytest.approx(0.036)
    assert cost(replace(one, disk_dph=math.inf), 1800.0, 4600.0) == pytest.approx(0.36)
    assert cost(replace(one, started=0.0), 0.0, 4600.0) is None
    assert cost(replace(one, dph=math.inf), 0.0, 4600.0) is None
