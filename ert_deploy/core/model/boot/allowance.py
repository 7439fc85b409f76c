"""Allowance of a run: how much the machines that it starts may spend before their guards stop them."""

from __future__ import annotations

from dataclasses import dataclass

LEAST = 900.0  # s of a GPU: with less, a machine would stop before it is of use
HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Allowance:
    """`free` is what is left in $ for machines that are rented, `whole` with what machines were given already.

    `why` says what was spent and until when, for the error of a run that may start nothing; `at_end` is what the guard
    does at its end: stop or destroy.
    """

    free: float
    whole: float
    why: str
    hint: str
    at_end: str = "stop"


def seconds(dollars: float, hourly: float) -> int:
    """Return for how long a machine at this price may run, 0 if it is too short to be of use."""
    found = max(0.0, dollars) / max(hourly, 1e-6) * HOUR
    return int(found) if found >= LEAST else 0
