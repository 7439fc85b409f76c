"""Price and spend of several backends: the sum, and each; what is not known, and one that goes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ert_dashboard.backend.fleet_costs import FleetCosts, price_now, together
from ert_dashboard.base.machine import NOT_KNOWN, Machine
from tests.dashboard.test_dashboard_fleet import Start, started, up
from tests.support.dashboard.fake_backend import FakeBackend
from tests.support.dashboard.fingerprint import complete, replicas
from tests.support.dashboard.following import until

HOUR = 3600.0
DEAR = {"price_per_hour": 0.5, "uptime": HOUR}
CHEAP = {"price_per_hour": 0.25, "uptime": 2 * HOUR}


def test_the_sum_is_of_those_that_are_up_and_what_was_spent_stays() -> None:
    costs = FleetCosts(2, NOT_KNOWN)
    costs.see(0, DEAR, 9 * HOUR)
    costs.see(1, CHEAP, 9 * HOUR)
    first, second = costs.each()
    assert (first.up, first.price, first.spent) == (True, 0.5, 0.5)
    assert (second.up, second.price, second.spent) == (True, 0.25, 0.5)
    assert price_now((first, second)) == 0.75
    assert together((first, second)) == [(7 * HOUR, 0.0), (8 * HOUR, 0.0), (9 * HOUR, 1.0)]
    costs.see(1, {}, 10 * HOUR)
    each = costs.each()
    assert (each[1].up, each[1].spent) == (False, 0.5)
    assert price_now(each) == 0.5
    assert together(each)[-1] == (10 * HOUR, 1.0)  # type: ignore[index]


def test_a_price_that_one_does_not_tell_is_that_of_the_operator_or_not_known() -> None:
    costs = FleetCosts(2, NOT_KNOWN)
    assert price_now(costs.each()) == 0.0, "none is up"
    assert together(costs.each()) is None
    costs.see(0, DEAR, 9 * HOUR)
    costs.see(1, {"uptime": 1.0}, 9 * HOUR)
    assert price_now(costs.each()) is None
    assert costs.each()[1].spent is None
    assert together(costs.each()) == [(8 * HOUR, 0.0), (9 * HOUR, 0.5)]
    told = FleetCosts(1, Machine(price=0.31, speed=2.0))
    assert told.each()[0].spent == 0.0
    told.see(0, {"uptime": HOUR}, 9 * HOUR)
    assert (price_now(told.each()), told.each()[0].spent) == (0.31, 0.62)


def test_a_line_has_a_point_for_each_minute_at_most() -> None:
    costs = FleetCosts(2, Machine(price=36.0))
    for second in range(0, 600, 5):
        for position in (0, 1):
            costs.see(position, {"uptime": float(second + 1)}, 1000.0 + second + position)
    line = together(costs.each())
    assert line is not None
    assert len(line) <= 12
    assert line[-1][1] == pytest.approx(2 * 0.01 * 596)


def machine(client: Any) -> Any:
    return client.get("/api/deployment").json


def test_the_page_gets_the_sum_of_several_and_none_of_a_single_one(start: Start, tmp_path: Path) -> None:
    backends = [FakeBackend(), FakeBackend()]
    backends[0].status, backends[1].status = dict(DEAR), dict(CHEAP)
    try:
        client = started(start, replicas(backends, tmp_path, 60))
        until(lambda: up(client) == 2)
        found = machine(client)["together"]
        assert found["price_per_hour_usd"] == 0.75
        assert found["spend"]["usd"] == pytest.approx(1.0)
        assert [one["spend_usd"] for one in found["each"]] == [0.5, 0.5]
        assert machine(client)["price_per_hour_usd"] == 0.5, "that of one of them, for the cost of a report"
        alone = started(start, complete(backends[0], tmp_path))
        assert machine(alone)["together"] is None
    finally:
        for backend in backends:
            backend.close()
