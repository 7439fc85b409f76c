"""Why a machine is stopped: by the lines of its guard, else by the account, the market, or a person."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ert_deploy.core.model.log.happened import Happened
from ert_deploy.core.model.state import State
from ert_deploy.core.verdict.facts import Asleep, Credit
from ert_deploy.core.verdict.links import Missing
from ert_deploy.core.verdict.stopped import ran, why_stopped
from tests.support.ids import nth
from tests.support.situations import served, stopped

ARMED = "guard: off-switch active for instance 7: idle 1200 s, unclaimed 2700 s, lifetime 43200 s"
IDLE = "guard: idle for 1200 s: asked to stop this instance: accepted"
OLD_AGE = "guard: maximum lifetime of 43200 s: asked to stop this instance: accepted"
SPENT = "guard: budget of 3600 s: asked to stop this instance: accepted"
RICH, BROKE, UNREAD = Credit(25.0), Credit(0.0), Missing("no answer")
CUT = Missing("its log does not reach back to its last start")


@pytest.mark.parametrize(
    ("log", "credit", "outbid", "why"),
    [
        ((ARMED, "app: ready", IDLE), RICH, False, Asleep.IDLE),
        ((ARMED, OLD_AGE), RICH, False, Asleep.LIMIT),
        ((ARMED, SPENT), RICH, False, Asleep.BUDGET),
        ((IDLE,), RICH, False, Asleep.IDLE),
        ((ARMED, "app: ready"), RICH, False, Asleep.ASKED),
        ((ARMED, IDLE, ARMED), RICH, False, Asleep.ASKED),
        ((ARMED, "app: guard: idle for 9 s: asked to stop this instance"), RICH, False, Asleep.ASKED),
        ((ARMED,), BROKE, False, Asleep.CREDIT),
        ((ARMED,), BROKE, True, Asleep.CREDIT),
        ((ARMED,), RICH, True, Asleep.OUTBID),
        ((ARMED, IDLE), BROKE, True, Asleep.IDLE),
        (("app: ready",), RICH, True, Asleep.OUTBID),
        (("app: ready",), RICH, False, CUT),
        ((), RICH, False, CUT),
        (None, RICH, False, UNREAD),
        (None, BROKE, False, Asleep.CREDIT),
        (None, UNREAD, True, Asleep.OUTBID),
        (None, UNREAD, False, UNREAD),
    ],
)
def test_the_reason(log: tuple[str, ...] | None, credit: Credit | Missing, outbid: bool, why: Asleep | Missing) -> None:
    text = Missing("no answer") if log is None else "\n".join(log)
    assert why_stopped(replace(stopped(7), outbid=outbid), credit, text) == why


RAN, STOPPED = Happened(1.0, "ready", nth(7)), Happened(2.0, "stopped", nth(7))


@pytest.mark.parametrize(
    ("history", "log", "why"),
    [
        ((), ARMED, Asleep.ASKED),
        ((Happened(1.0, "found", nth(7)),), ARMED, Asleep.ASKED),
        ((RAN, STOPPED), ARMED, Asleep.ASKED),
        ((RAN, Happened(2.0, "stopped", nth(8))), ARMED, Asleep.OUTSIDE),
        ((RAN, STOPPED, Happened(3.0, "started", nth(7))), ARMED, Asleep.OUTSIDE),
        ((RAN,), f"{ARMED}\n{IDLE}", Asleep.IDLE),
        ((RAN,), "app: ready", CUT),
    ],
)
def test_a_stop_that_no_run_wrote_came_from_outside(
    history: tuple[Happened, ...], log: str, why: Asleep | Missing
) -> None:
    assert why_stopped(stopped(7), RICH, log, State("ert", history=history)) == why


def test_a_gpu_that_was_taken_is_the_reason_whatever_stopped_it_before() -> None:
    state = State("ert", records=(served(8), served(7, stranded=9.0)), history=(RAN, STOPPED))
    assert why_stopped(stopped(7), RICH, ARMED, state) is Asleep.TAKEN
    assert why_stopped(stopped(8), RICH, ARMED, state) is Asleep.ASKED


RAN_LONG = "guard: idle for 1200 s: asked to stop this instance: accepted; 9345 s after its start"


@pytest.mark.parametrize(
    ("log", "seconds"),
    [
        ((ARMED, RAN_LONG), 9345.0),
        ((ARMED, RAN_LONG, RAN_LONG.replace("9345", "9405")), 9405.0),
        ((ARMED, RAN_LONG, ARMED), None),
        ((ARMED, IDLE), None),
        ((ARMED, f"app: {RAN_LONG}"), None),
        ((), None),
    ],
)
def test_how_long_it_ran_by_the_last_word_of_its_guard(log: tuple[str, ...], seconds: float | None) -> None:
    assert ran("\n".join(log)) == seconds
    assert why_stopped(stopped(7), RICH, "\n".join((ARMED, RAN_LONG))) is Asleep.IDLE
