"""Admission: whether a wake on request may begin, and if not, for which reason.

Only a start is limited: where a GPU is billed already, a wake that was interrupted is always continued.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from ert_deploy.app.waking.look import Look
from ert_deploy.core.verdict.starts import Policy


class Why(StrEnum):
    """Reasons not to begin, as they are sent to the app."""

    WAKES_PER_HOUR = "wakes_per_hour"
    BUDGET = "budget"
    NEEDS_ATTENTION = "needs_attention"
    NOTHING_TO_WAKE = "nothing_to_wake"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why it may not begin. `after`: seconds until it is worth asking again, None if a person has to act first."""

    why: Why
    error: str
    after: int | None = None


def refusal(look: Look, policy: Policy) -> Refusal | None:
    """Return why no wake may begin now; None if one may."""
    if not look.exists:
        return Refusal(Why.NOTHING_TO_WAKE, f"no instance of {look.deployment} exists: `ert-deploy up` rents a GPU")
    if look.waking.paid:
        return None
    if look.wait > 0:
        most = policy.wakes_per_hour
        error = f"{look.deployment} was woken {look.begun} times in the last hour, {most} are allowed"
        return Refusal(Why.WAKES_PER_HOUR, error, math.ceil(look.wait))
    return None
