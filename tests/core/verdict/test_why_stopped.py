"""Why a machine is stopped: by the lines of its guard, else by the account, the market, or a person."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ert_deploy.core.verdict.facts import Asleep, Credit
from ert_deploy.core.verdict.links import Missing
from ert_deploy.core.verdict.stopped import why_stopped
from tests.support.situations import stopped

ARMED = "guard: off-switch active for instance 7: idle 1200 s, unclaimed 2700 s, lifetime 43200 s"
IDLE = "guard: idle for 1200 s: asked to stop this instance: accepted"
OLD_AGE = "guard: maximum lifetime of 43200 s: asked to stop this instance: accepted"
RICH, BROKE, UNREAD = Credit(25.0), Credit(0.0), Missing("no answer")
CUT = Missing("its log does not reach back to its last start")


@pytest.mark.parametrize(
    ("log", "credit", "outbid", "why"),
    [
        ((ARMED, "app: ready", IDLE), RICH, False, Asleep.IDLE),
        ((ARMED, OLD_AGE), RICH, False, Asleep.LIMIT),
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
