"""Cost of one machine until a time in its life, by the ledger: what its events show."""

from __future__ import annotations

from typing import NamedTuple

from ert_deploy.core.ledger.intervals import intervals
from ert_deploy.core.ledger.model import RENTED, Ledger
from ert_deploy.core.model.provider import InstanceId


class Spent(NamedTuple):
    """The $ of one machine; the most that it may have been, unless it is `exact`."""

    cost: float
    exact: bool


def spent(ledger: Ledger, instance: InstanceId, at: float, alive: float = 0.0) -> Spent | None:
    """Return what it cost from its rental until the time `at`; None if the ledger does not have all of that.

    A machine that was folded into a month is not in it any more. One whose GPU stopped at a time that is not known
    exactly may have cost less than it has, unless it was still `alive` at that time or later.
    """
    own = [one for one in ledger.transitions if one.instance == instance]
    if not any(one.what == RENTED and not one.since for one in own):
        return None
    cost = sum(one.cost(0.0, at) for one in intervals(ledger) if one.instance == instance)
    unsure = any(one.since and one.since <= at and not at <= alive < one.at for one in own)
    return Spent(cost, not unsure)
