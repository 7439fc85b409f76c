"""Budget: what is left of it by the ledger, and what one machine may spend of that.

A guard can only be given a number of seconds. What was given and is not used yet counts as spent, so that all machines
together stay within the budget although none of them knows of another one.
"""

from __future__ import annotations

from dataclasses import dataclass

from ert_deploy.core.ledger.days import NOTHING, days
from ert_deploy.core.ledger.intervals import intervals, standing
from ert_deploy.core.ledger.model import DAY, GPU, HOUR, Ledger
from ert_deploy.core.ledger.months import first_day, month_of
from ert_deploy.core.ledger.policy import Budget

WARN = 0.8  # of a budget, from which on it is mentioned


@dataclass(frozen=True, slots=True)
class Left:
    """What is left in $ until the end of the day and of the month in UTC, None without such a budget.

    `given` is what the guards of machines may still spend by themselves, and is not in either. `day_ends` and
    `month_ends` are times.
    """

    spent_day: float
    spent_month: float
    given: float
    day: float | None
    month: float | None
    day_ends: float
    month_ends: float

    @property
    def least(self) -> float | None:
        """The smaller one of both; None without a budget."""
        return min((one for one in (self.day, self.month) if one is not None), default=None)

    def free(self, own: float = 0.0) -> float:
        """Return the $ of it that no other machine was given; `own` is what the machine in question was."""
        return max(0.0, (self.least or 0.0) - max(0.0, self.given - own))


def left(ledger: Ledger, budget: Budget, now: float) -> Left:
    """Return what is left at the time `now`, with the most that every machine may have cost."""
    today = int(now // DAY)
    month = month_of(today)
    first, after = first_day(month), first_day(month + 1)
    costs = days(ledger, now)
    spent_day = costs.get(today, NOTHING).total
    spent_month = sum((one.total for day, one in costs.items() if first <= day < after), 0.0)
    spent_month += sum(one.gpu + one.disk + one.traffic for one in ledger.months if one.first == first)
    return Left(
        spent_day,
        spent_month,
        sum(given(ledger, token, now) for token in ledger.machines()),
        None if budget.per_day is None else max(0.0, budget.per_day - spent_day),
        None if budget.per_month is None else max(0.0, budget.per_month - spent_month),
        (today + 1) * DAY,
        after * DAY,
    )


def given(ledger: Ledger, token: str, now: float) -> float:
    """Return the $ that the guard of a machine may still spend by the last grant."""
    known = ledger.machines()[token]
    last = standing(known)
    if last.gone or last.amount is None:
        return 0.0
    used = sum(
        (one.rate + last.disk) * max(0.0, (now if one.end is None else one.earliest) - max(one.begin, last.granted))
        for one in intervals(Ledger(ledger.deployment, transitions=known))
        if one.kind == GPU
    )
    return max(0.0, last.amount - used / HOUR)


def share(least: float, slots: int, taken: int) -> float:
    """Return what a further machine may spend, so that there is as much for each slot that is free."""
    return least / max(1, slots - taken)


def warnings(left: Left, budget: Budget) -> tuple[str, ...]:
    """Return a sentence for each budget of which a large part is spent."""
    found = []
    for spent, most, period in ((left.spent_day, budget.per_day, "day"), (left.spent_month, budget.per_month, "month")):
        if most is not None and spent >= WARN * most:
            found.append(f"${spent:.2f} of the ${most:.2f} for this {period} are spent")
    return tuple(found)
