"""A machine that its guard has stopped at 14:00, and that is asked for at 15:00 of each working day."""

from __future__ import annotations

from dataclasses import replace

from ert_deploy.app.deployment import Deployment
from ert_deploy.app.tending.uses import Uses
from ert_deploy.core.idle.guard import Choice
from ert_deploy.core.idle.hours import DAY
from ert_deploy.core.model.log.happened import Happened
from tests.support.fakes.loopback import FakeWorld

HOUR = 3600.0
STOPPED = "guard: off-switch active\nguard: idle for 1200 s: asked to stop this instance"
TODAY = 11 * DAY  # Monday, 12 January 1970: the fakes begin at 13:46
DUE = 14.98 * HOUR  # s after midnight
BUDGET = 0.85  # $ a day: one start, as each may cost 0.76


def learning(deployment: Deployment, budget: float = BUDGET) -> Deployment:
    """Return it with `policy/idle: learned` and early starts; what it learned is the last week."""
    settings = replace(deployment.settings, idle=Choice.LEARNED, wait_price=0.05, early_starts=budget)
    found = replace(deployment, settings=settings)
    kept = Uses(found)
    for day in (1, 4, 5, 6, 7, 8):
        kept.see(day * DAY + 15 * HOUR - 1, 0.0, 0.0, [Happened(day * DAY + 15 * HOUR, "rented", "1")])
    return found


def stop(made: FakeWorld, at: float) -> None:
    """Have the guard stop the machine, and let it be `at`."""
    made.gpu.log, made.gpu.only().halted = STOPPED, True
    made.clock.time = at
