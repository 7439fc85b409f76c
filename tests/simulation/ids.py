"""Short ids of instances, and what Vast.ai says of one as its adapter understands it. Imports nothing of the tests."""

from __future__ import annotations

from typing import Any

from ert_deploy.core.model.provider import InstanceId
from ert_deploy.providers.vast.power import ENDED, power_of


def nth(number: int) -> InstanceId:
    """The id of the instance with this number."""
    return InstanceId(str(number))


def says(status: str | None, intended: str = "running", current: str = "running") -> dict[str, Any]:
    """The fields of an instance that follow from the three status fields."""
    return {"status": status, "power": power_of(status, intended, current), "ended": status in ENDED}
