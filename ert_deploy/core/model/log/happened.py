"""Event in the history of a deployment, as it is stored: when, what, to which instance, why, its cost, and by whom."""

from __future__ import annotations

from ert_deploy.core.model.quick_dataclass import quick_dataclass

MOST_HISTORY = 64  # events that a state keeps, about 10 kB
LONGEST = 200  # characters of `why`
FAILED, FINISHED = "failed", "finished"  # a run by its error, and the first one after it that has none


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
