"""Fitness of a running instance: whether it matches the config and its price cap, or why it has to be replaced."""

from __future__ import annotations

import math

from ert_deploy.core.model.desired import Desired, Launch
from ert_deploy.core.model.observed import HEALTHY, Instance
from ert_deploy.core.model.text import per_hour
from ert_deploy.core.planning.changes.differences import differences, differs_in_guard_alone
from ert_deploy.core.planning.health import Candidate

SOMETHING_ELSE = "it runs with another image, model, disk, context or guard than in the config"
PRICE_TOLERANCE = 1.01  # rounding between the search price and the actual price


def fits(desired: Desired, candidate: Candidate) -> bool:
    """Whether it matches the config, including the price limit."""
    return not unfit(desired, candidate)


def unfit(desired: Desired, candidate: Candidate) -> str:
    """Return the reason for replacing it; empty if it matches the config."""
    instance = candidate.instance
    if instance.spec != desired.launch.spec() and not takes_limits(desired.launch, candidate):
        return changed_keys(desired.launch, instance) or SOMETHING_ELSE
    if (excess := over_cap(desired, instance)) > 0:
        return f"{too_dear(desired, instance)}: ${excess:.4f}/h too much"
    return ""


def takes_limits(launch: Launch, candidate: Candidate) -> bool:
    """Whether the limits of its guard are all that differs, and it takes new ones, or has not said that it does not."""
    health = candidate.health
    too_old = health is not None and health.vital is HEALTHY and health.limits is None
    return not too_old and differs_in_guard_alone(launch, candidate.instance)


def changed_keys(launch: Launch, instance: Instance) -> str:
    """Return the keys of the config that differ from the running container, such as "launch.image changed"."""
    keys = [difference.key for difference in differences(launch, instance)]
    return f"{', '.join(keys)} changed" if keys else ""


def over_cap(desired: Desired, instance: Instance) -> float:
    """Return the $/h by which the price exceeds the cap, 0 within rounding; NaN if the price is unknown."""
    cap = desired.criteria.max_dph
    return 0.0 if instance.dph <= cap * PRICE_TOLERANCE else instance.dph - cap


def too_dear(desired: Desired, instance: Instance) -> str:
    """Return the price and the cap that it exceeds."""
    return f"it costs {per_hour(instance.dph)}, the cap is ${desired.criteria.max_dph:g}/h (offer/max_dph)"


def repriced(instance: Instance) -> str:
    """Return how its price differs from that of the rental; empty within rounding, or if one of them is unknown."""
    then, now = instance.agreed, instance.dph
    if not then or instance.halted or not math.isfinite(now) or then / PRICE_TOLERANCE <= now <= then * PRICE_TOLERANCE:
        return ""
    return f"{'rose' if now > then else 'fell'} from {per_hour(then)}"
