"""Start of a machine that is to be kept up (`replicas/min`): of the first one that the budget allows to start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ert_deploy.app.money.grant import allowance
from ert_deploy.core.model.errors import ErtError
from ert_deploy.core.notices.notice import NOTHING_FOUND, Findings
from ert_deploy.core.notices.of_run import of_failure
from ert_deploy.core.verdict.facts import Asleep, Facts
from ert_deploy.core.verdict.kept import sleeper, to_keep
from ert_deploy.core.verdict.waking import CONTENT, Need, Phase
from ert_deploy.engine.budget import budget_spent
from ert_deploy.wiring import Session


@dataclass(frozen=True, slots=True)
class Sleeper:
    """A machine that may be started without a person: why it is stopped, its token, and its price in $ per hour."""

    why: Asleep
    token: str
    price: float


@dataclass(frozen=True, slots=True)
class Kept:
    """The need to start one more and its number from 1 on, or the line and the notice why none is started."""

    need: Need = CONTENT
    number: int = 0
    lines: tuple[str, ...] = ()
    findings: Findings = NOTHING_FOUND


def sleeping(facts: Facts) -> Sleeper | None:
    """Return the machine of a replica that may be started without a person; None for any other."""
    found, why = facts.main, sleeper(facts)
    if found is None or found.record is None or why is None:
        return None
    return Sleeper(why, found.record.token, found.instance.dph)


def to_be_kept(session: Session, each: Sequence[tuple[Phase, Sleeper | None]]) -> Kept:
    """Return what is started so that as many are up as the config wants. `each` has phase and sleeper of every replica.

    The budget is read where one is to be started; where that fails, none is.
    """
    least = session.desired.awake
    due, number = to_keep(least, [(phase, one.why if one is not None else None) for phase, one in each])
    if due == CONTENT:
        return Kept()
    try:
        spendable, _ = allowance(session)
    except ErtError as error:
        return Kept(lines=(f"{due.reason}, and none is started: {error.summary}",))
    if spendable is None:
        return Kept(due, number)
    able = [
        (phase, one.why if one is not None and spendable.allows(one.token, one.price) else None) for phase, one in each
    ]
    allowed, number = to_keep(least, able)
    if allowed != CONTENT:
        return Kept(allowed, number)
    spent = budget_spent(spendable)
    return Kept(lines=(f"{due.reason}, and none is started: {spent.summary}",), findings=of_failure(spent, ()))
