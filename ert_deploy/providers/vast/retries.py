"""How often and how soon a call to Vast.ai is repeated."""

from __future__ import annotations

import tenacity

from ert_deploy.core.model.errors import Transient
from ert_deploy.providers.vast.errors import TooFrequent

READ_TRIES = 4
LIMITED_TRIES = 8  # attempts after a 429: another run with the same key may use up the limit


def tried_enough(state: tenacity.RetryCallState) -> bool:
    """Return whether the last attempt was the last one; more are made after a 429."""
    error = state.outcome.exception() if state.outcome is not None else None
    return state.attempt_number >= (LIMITED_TRIES if isinstance(error, TooFrequent) else READ_TRIES)


def pause(state: tenacity.RetryCallState) -> float:
    """Return the seconds to wait: as long as the server requests, else ever longer."""
    error = state.outcome.exception() if state.outcome is not None else None
    if isinstance(error, Transient) and error.after is not None:
        return error.after
    return float(tenacity.wait_random_exponential(multiplier=1.0, max=20.0)(state))
