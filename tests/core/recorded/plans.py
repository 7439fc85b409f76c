"""Screen of `plan` for every situation of the plan's table: the steps ahead, and the summary of what they change."""

from __future__ import annotations

from collections.abc import Iterator

from ert_deploy.core.planning.changes.summary import Machine, summary
from ert_deploy.core.planning.forecast.steps_ahead import ahead, forecast
from ert_deploy.core.planning.situation import Situation
from tests.core.recorded.launches import figures
from tests.core.test_plan import SITUATIONS
from tests.support.situations import NOW, shown


def lines() -> Iterator[str]:
    """Yield one line for each situation whose apps were read, by name: steps, machines, variables, interruptions."""
    for name, (desired, observed, _) in SITUATIONS.items():
        if observed.publications is not None:
            yield f"{name}: {_shown(Situation(desired, observed))}"


def _shown(situation: Situation) -> str:
    found = forecast(situation)
    told = summary(situation, found, frozenset({"dash"}))
    variables = (
        f"{one.kind}{one.service}/{one.name}{' late' * one.late}{' secret' * one.secret}" for one in told.variables
    )
    waits = (f"{one.what} {figures(one.seconds)}" for one in told.interruptions)
    taken = list(ahead(situation))
    until = figures(taken[-1][1].observed.now - NOW) if taken else "now"
    parts = (map(shown, found), map(_machine, told.machines), variables, waits, [until])
    return " | ".join("; ".join(part) for part in parts)


def _machine(one: Machine) -> str:
    named = "; ".join(f"{each}" for each in one.differences)
    return f"{one.kind} {one.instance_id}: {one.why} ({named})"
