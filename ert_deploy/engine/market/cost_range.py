"""Cost range: the $ between which 9 of 10 runs end, with all machines that they rent and the planned hours."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from ert_deploy.core.launching.costs import costs
from ert_deploy.core.launching.interval import Interval, narrowest, scattered
from ert_deploy.core.model.desired import Desired
from ert_deploy.core.planning.offers import Ranked
from ert_deploy.engine.market.racing import curve_of, races, worth_after
from ert_deploy.engine.run_context import RunMemory

WIDEST = 3.0  # its upper end over its lower one, at most: a wider range is of no use to plan with
# Runs on the launch market scatter more than drawn ones: this part of those holds 9 of 10 (`make bench-range`).
PART = 0.96
# Races scatter around what is drawn by as much as the draws do, and cost more by a part of that.
RACED_PART = 0.9
RACED_ERROR = 1.0
RACED_DEARER = 0.15


def cost_range(ranked: Sequence[Ranked], desired: Desired, memory: RunMemory) -> Interval:
    """Return the range for these offers, in the order in which they are rented; at least one.

    Where less than 9 of 10 runs end within a factor of `WIDEST`, it is the range of that factor with most of them.
    """
    curves, worth = [curve_of(one, desired, 0.0, memory) for one in ranked], partial(worth_after, desired=desired)
    if not races(desired):
        return narrowest(costs(curves, worth, 1, races=False), PART, WIDEST)
    drawn = costs(curves, worth, min(desired.launch.hedge, desired.slots))
    return narrowest(scattered(drawn, RACED_ERROR, RACED_DEARER), RACED_PART, WIDEST)
