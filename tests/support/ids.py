"""Short ids of instances for tests."""

from __future__ import annotations

from ert_deploy.core.model.ids import InstanceId


def nth(number: int) -> InstanceId:
    """The id of the instance with this number."""
    return InstanceId(str(number))
