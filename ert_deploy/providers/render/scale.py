"""Number of instances of a service at Render: the fixed one, or the most that its autoscaling may start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MOST = 100  # render.com/docs/scaling


def most_instances(details: Mapping[str, Any]) -> int:
    """Return the number in the `serviceDetails` of a service, 1 where it is missing or not usable."""
    scaling = details.get("autoscaling")
    found = [details.get("numInstances")]
    if isinstance(scaling, dict) and scaling.get("enabled") is True:
        found.append(scaling.get("max"))
    return max([1, *(number for number in found if type(number) is int and number <= MOST)])
