"""Price increases of hosts: read once an hour, by a key that only reads, and never accepted."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ert_deploy.adapters.metered_host import MeteredHost
from ert_deploy.core.model.errors import CannotObserve
from ert_deploy.core.model.secret import Secret
from ert_deploy.providers.vast.client import VastHost
from ert_deploy.providers.vast.price_increases import EVERY, _increases
from ert_deploy.sandbox.httpd.faults import Fault
from ert_deploy.sandbox.runtime.clock import WorldClock
from ert_deploy.sandbox.vast.options import Options
from ert_deploy.sandbox.vast.server import VastDouble
from tests.support.contract.gpu_hosts import CRITERIA, LAUNCH, order
from tests.support.vast.world import KEY, PACE, PROGRAM, Renter, python

JUMPED = [0.0]
ROW = {
    "pending_price_increase_id": 4, "contract_id": 7,
    "old_gpu_costpersec": 0.2 / 3600, "new_gpu_costpersec": 0.26 / 3600,
    "contract_end_date": 1.8e9, "ask_end_date": 1.9e9,
}  # fmt: skip


class Jumping(WorldClock):
    """A clock that can also be moved on at once."""

    def steady(self) -> float:
        return super().steady() + JUMPED[0]


@pytest.fixture
def renter(tmp_path: Path) -> Iterator[Renter]:
    JUMPED[0] = 0.0
    with tempfile.TemporaryDirectory() as folder:
        double = VastDouble(
            WorldClock(50.0), Path(folder), KEY, images=tmp_path, command=python(PROGRAM),
            options=Options(pace=PACE, rate_limits=False),
        )  # fmt: skip
        try:
            yield Renter(double.start())
        finally:
            double.stop()


def test_an_offer_is_read_once_an_hour_and_never_accepted(renter: Renter) -> None:
    clock = Jumping(50.0)
    host = MeteredHost(VastHost(Secret(KEY), renter.double.url, clock), clock)
    number = host.create(order(min(host.search(CRITERIA, LAUNCH), key=lambda one: one.dph_total)))
    assert host.price_increases() == ()
    renter.double.trouble({"kind": "price_increase", "instance_id": int(number), "factor": 2.0, "days": 10})
    assert host.price_increases() == ()
    JUMPED[0] += EVERY
    found = host.price_increases()
    assert found is not None
    (one,) = found
    assert one.instance == number
    assert one.after == pytest.approx(2 * one.before)
    (row,) = renter.sdk.show_pending_price_increases()["pending_price_increases"]
    assert one.ends == row["contract_end_date"]


def test_a_failure_is_told_once_and_not_tried_with_every_look(renter: Renter) -> None:
    clock = Jumping(50.0)
    host = VastHost(Secret(KEY), renter.double.url, clock)
    renter.double.faults.add(Fault("increases", status=200, body="[]"))
    with pytest.raises(CannotObserve, match="price increases cannot be read"):
        host.price_increases()
    assert host.price_increases() is None
    JUMPED[0] += EVERY
    assert host.price_increases() == ()


@pytest.mark.parametrize(("permissions", "found"), [({"misc": {}}, None), ({"instance_read": {}}, ())])
def test_a_key_that_reads_instances_is_enough(renter: Renter, permissions: dict[str, Any], found: Any) -> None:
    made: Any = renter.sdk.create_api_key(name="narrow", permissions={"api": permissions})
    assert VastHost(Secret(made["key"]), renter.double.url, Jumping(50.0)).price_increases() == found


def test_a_row_has_the_prices_per_hour() -> None:
    (one,) = _increases({"success": True, "pending_price_increases": [ROW]})
    assert (one.id, one.instance, round(one.before, 4), round(one.after, 4), one.ends) == ("4", "7", 0.2, 0.26, 1.8e9)


@pytest.mark.parametrize(
    "body",
    [
        [],
        {"success": False},
        {"success": True},
        {"success": True, "pending_price_increases": {}},
        {"success": True, "pending_price_increases": [ROW | {"contract_id": "7"}]},
        {"success": True, "pending_price_increases": [ROW | {"new_gpu_costpersec": None}]},
        {"success": True, "pending_price_increases": [ROW | {"contract_end_date": float("nan")}]},
    ],
)
def test_a_list_of_another_form_is_an_error(body: Any) -> None:
    with pytest.raises((TypeError, ValueError, KeyError)):
        list(_increases(body))
