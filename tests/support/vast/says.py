"""What Vast.ai says of a contract in its three status fields, as its adapter understands it."""

from __future__ import annotations

from typing import Any

from ert_deploy.adapters.vast.power import ENDED, power_of


def says(status: str | None, intended: str = "running", current: str = "running") -> dict[str, Any]:
    """The fields of an instance that follow from them."""
    return {"status": status, "power": power_of(status, intended, current), "ended": status in ENDED}
