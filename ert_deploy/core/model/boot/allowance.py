"""Allowance of a run: how much the machines that it starts may spend before their guards stop them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

LEAST = 900.0  # s of a GPU: with less, a machine would stop before it is of use
HOUR = 3600.0
SPENT = "the budget does not allow to start a GPU now"  # the error of such a run, also in the history


@dataclass(frozen=True, slots=True)
class Allowance:
    """`free` is what is left in $ for machines that are rented, `whole` with what machines were given already.

    `why` says what was spent and until when, for the error of a run that may start nothing; `at_end` is what the guard
    does at its end: stop or destroy. `given` are the $ that the guards of machines may still spend, by their tokens.
    """

    free: float
    whole: float
    why: str
    hint: str
    at_end: str = "stop"
    given: Mapping[str, float] = field(default_factory=dict)

    def allows(self, token: str, hourly: float) -> bool:
        """Whether a machine that exists may be started: by what no other one was given, for long enough to be of use.

        Otherwise it would be stopped by its guard soon, and could be started again and again.
        """
        others = sum(amount for one, amount in self.given.items() if one != token)
        return seconds(self.whole - others, hourly) > 0


def seconds(dollars: float, hourly: float) -> int:
    """Return for how long a machine at this price may run, 0 if it is too short to be of use, or without a price."""
    if math.isnan(hourly):
        return 0
    found = max(0.0, dollars) / max(hourly, 1e-6) * HOUR
    return int(found) if found >= LEAST else 0
