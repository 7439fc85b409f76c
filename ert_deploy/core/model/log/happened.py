"""Event in the history of a deployment, as it is stored: when, what, to which instance, why, its cost, and by whom."""

from __future__ import annotations

from ert_deploy.core.model.quick_dataclass import quick_dataclass

MOST_HISTORY = 64  # events that a state keeps, about 10 kB
LONGEST = 200  # characters of `why`
FAILED = "failed"  # an `up` or `wake`, by its error; in a state of earlier versions also those below
NOT_ENDED = "not ended"  # a `sleep` or `down`, by its error
FINISHED = "finished"  # the first run after one of these that has no error
ENDS = (FAILED, NOT_ENDED, FINISHED)


@quick_dataclass
class Happened:
    """One event. `at` is a time as in `State`, `instance` an id or empty; `cost` what it had cost in $, or 0.

    `who` is `user@host`, filled by the store when it writes the event.
    """

    at: float
    what: str
    instance: str = ""
    why: str = ""
    cost: float = 0.0
    who: str = ""
