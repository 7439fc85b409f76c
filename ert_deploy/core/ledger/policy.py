"""Budget of a deployment: the most that it may cost in a day and in a month, and what happens at its end."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class AtBudget(StrEnum):
    """What the guard of a machine does when its part of the budget is used up."""

    STOP = "stop"
    DESTROY = "destroy"


@dataclass(frozen=True, slots=True)
class Budget:
    """In $ per day and month in UTC; None for no limit."""

    per_day: float | None = None
    per_month: float | None = None
    at_end: AtBudget = AtBudget.STOP

    @property
    def limited(self) -> bool:
        """Whether there is any limit."""
        return self.per_day is not None or self.per_month is not None


NO_BUDGET = Budget()
