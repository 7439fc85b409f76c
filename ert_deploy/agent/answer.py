"""Response to a request to wake: an HTTP status, and for an error its reason."""

from __future__ import annotations

from dataclasses import dataclass

from ert_deploy.app.waking.admission import Refusal, Why
from ert_deploy.core.model.errors import BudgetSpent, Busy, CannotObserve, ErtError, Failed

READY, WAKING, CONFLICT, TOO_MANY, UNAVAILABLE = 200, 202, 409, 429, 503
UNREAD = "unavailable"  # reason of a 503


@dataclass(frozen=True, slots=True)
class Answer:
    """`after` are the seconds of Retry-After. Without a reason, the body is that of the backend."""

    status: int
    reason: str = ""
    error: str = ""
    after: int | None = None


def refused(refusal: Refusal) -> Answer:
    """Return the response to a wake that may not begin."""
    status = TOO_MANY if refusal.after is not None else CONFLICT
    return Answer(status, refusal.why.value, refusal.error, refusal.after)


def failed(error: ErtError, after: int) -> Answer:
    """Return the response after an error, which is tried again in `after` seconds.

    A run of another operator is no error, and what a next attempt may get done is none that a person has to act on.
    """
    if isinstance(error, CannotObserve):
        return Answer(UNAVAILABLE, UNREAD, error.summary, after)
    if isinstance(error, Busy | Failed):
        return Answer(WAKING)
    if isinstance(error, BudgetSpent):
        return Answer(CONFLICT, Why.BUDGET.value, f"{error.summary}: {error.detail}")
    return Answer(CONFLICT, Why.NEEDS_ATTENTION.value, error.summary)
