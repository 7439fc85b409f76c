"""What the three status fields of Vast.ai come to."""

from __future__ import annotations

from itertools import product

import pytest

from ert_deploy.core.model.observed import Power
from ert_deploy.providers.vast import parse

CONTAINER = (None, "created", "loading", "running", "exited", "stopped", "offline", "unknown", "something new")
CONTRACT = (None, "running", "stopped", "something new")


@pytest.mark.parametrize(
    ("container", "intended", "current", "power"),
    [
        (None, "running", "running", Power.STARTING),
        ("loading", "running", "running", Power.STARTING),
        ("something new", "running", "running", Power.STARTING),
        ("running", "running", "running", Power.RUNNING),
        ("running", None, None, Power.RUNNING),
        ("running", "running", "stopped", Power.STARTING),
        ("exited", "running", "running", Power.EXITED),
        ("offline", "running", "running", Power.UNKNOWN),
        ("stopped", "running", "stopped", Power.UNKNOWN),
        ("unknown", "running", "running", Power.UNKNOWN),
        ("running", "stopped", "running", Power.STOPPING),
        ("exited", "stopped", None, Power.STOPPING),
        ("exited", "stopped", "stopped", Power.STOPPED),
        ("loading", "stopped", "stopped", Power.STOPPED),
    ],
)
def test_the_power_of_a_contract(
    container: str | None, intended: str | None, current: str | None, power: Power
) -> None:
    row = {"id": 7, "actual_status": container, "intended_status": intended, "cur_state": current}
    assert parse.instance(row).power is power


@pytest.mark.parametrize(("container", "intended", "current"), list(product(CONTAINER, CONTRACT, CONTRACT)))
def test_nothing_counts_as_stopped_or_running_that_might_be_something_else(
    container: str | None, intended: str | None, current: str | None
) -> None:
    found = parse.instance({"id": 7, "actual_status": container, "intended_status": intended, "cur_state": current})
    assert found.stopped == (intended == current == "stopped")
    assert found.halted == (intended == "stopped")
    assert found.ended == (container in ("exited", "stopped", "offline", "unknown"))
    assert (found.power is Power.RUNNING) == (container == "running" and "stopped" not in (intended, current))
