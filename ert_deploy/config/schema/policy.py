"""Section `policy`: what an agent may do by itself, and what the deployment may cost."""

from __future__ import annotations

from ert_deploy.config.schema.parts import Field, Section
from ert_deploy.config.schema.scalars import number, one_of, whole
from ert_deploy.core.idle.guard import Choice
from ert_deploy.core.idle.prices import WAIT_PRICE
from ert_deploy.core.ledger.policy import NO_BUDGET, AtBudget
from ert_deploy.core.verdict.starts import Policy

MOST_WAKES = 20  # per hour: more do not fit into the history of a state
_POLICY = Policy()

SECTION = Section(
    "policy",
    (
        Field("wakes_per_hour", whole(1, MOST_WAKES), _POLICY.wakes_per_hour),
        Field("budget_per_day", number(0, 10_000, "$", above=True), NO_BUDGET.per_day),
        Field("budget_per_month", number(0, 100_000, "$", above=True), NO_BUDGET.per_month),
        Field("at_budget", one_of(tuple(AtBudget)), NO_BUDGET.at_end.value),
        Field("idle", one_of(tuple(Choice)), Choice.FIXED.value),
        Field("wait_price", number(0, 100, "$ a minute"), WAIT_PRICE),
    ),
)
