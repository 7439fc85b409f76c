"""Cost range: the $ between which 9 of 10 runs end, with all machines that they rent and the planned hours."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from ert_deploy.core.launching.costs import costs, within
from ert_deploy.core.market.cost import spread
from ert_deploy.core.model.desired import Desired
from ert_deploy.core.planning.offers import Ranked
from ert_deploy.engine.market.racing import curve_of, races, worth_after
from ert_deploy.engine.run_context import RunMemory

# Runs on the launch market scatter more than the model: these parts of it hold 9 of 10 of them (`make bench-range`).
LOW = 0.04
HIGH = 0.96
RACED_LOW = 0.02
RACED_HIGH = 0.98


def cost_range(ranked: Sequence[Ranked], desired: Desired, memory: RunMemory) -> tuple[float, float]:
    """Return the range for these offers, in the order in which they are rented; ValueError without any.

    Without a race a run rents the first one, or the next if that is taken, fails or falls behind.
    """
    if not races(desired):
        return spread((one.estimate for one in ranked[:2]), LOW, HIGH)
    curves = [curve_of(one, desired, 0.0, memory) for one in ranked]
    found = costs(curves, partial(worth_after, desired=desired), min(desired.launch.hedge, desired.slots))
    return within(found, RACED_LOW), within(found, RACED_HIGH)
