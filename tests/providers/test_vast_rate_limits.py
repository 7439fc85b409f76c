"""The Vast adapter's rate limits: retries of temporary errors, intervals between calls, and Vast's time."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
import requests

from ert_deploy.core.model.desired import Criteria
from ert_deploy.core.model.errors import CannotObserve, OutcomeUnknown
from ert_deploy.providers.vast.client import VastHost
from ert_deploy.providers.vast.errors import date_of
from ert_deploy.sandbox.httpd.faults import Fault
from ert_deploy.sandbox.httpd.server import Reply, Request
from tests.support.ids import nth
from tests.support.vast.wire import LAUNCH, Wire, order, page, row


def test_a_passing_fault_is_ridden_out_on_the_clock(wire: Wire) -> None:
    wire.says("list", page())
    wire.faults.add(Fault("list", status=503, body="busy", count=2))
    wire.faults.add(Fault("list", status=429, body="slow down", headers={"Retry-After": "7"}))
    assert wire.host.list_instances() == ()
    assert wire.clock.sleeps[-1] == 7.0


def test_what_a_rate_limit_refuses_is_tried_more_often_than_what_fails(wire: Wire) -> None:
    """Two runs with one key share its rate limit."""
    wire.says("list", page())
    wire.faults.add(Fault("list", status=429, body="API requests too frequent", content_type="text/plain", count=7))
    assert wire.host.list_instances() == ()
    wire.clock.time += 5
    wire.faults.add(Fault("list", status=503, body="busy", count=4))
    with pytest.raises(CannotObserve):
        wire.host.list_instances()


def test_creates_keep_their_distance_and_wait_for_it_before_and_not_within_the_call(wire: Wire) -> None:
    wire.says("create", {"success": True, "new_contract": 1})
    wire.host.await_turn("create")
    wire.host.create(order())
    assert wire.clock.sleeps == []
    wire.host.create(order(6))
    assert wire.clock.sleeps == [], "between an intent and its create nobody waits"
    wire.host.await_turn("create")
    assert wire.clock.sleeps == [pytest.approx(4.95)]


def test_after_a_create_that_came_too_soon_the_penalty_is_waited_out(wire: Wire) -> None:
    wire.says("create", {"detail": "API requests too frequent endpoint threshold=4.5"}, 429)
    with pytest.raises(OutcomeUnknown):
        wire.host.create(order())
    wire.host.await_turn("create")
    assert wire.clock.sleeps == [pytest.approx(13.2)]


def test_a_list_within_the_limit_is_the_last_one_unless_something_was_written(wire: Wire) -> None:
    wire.says("list", page(row(1)))
    first = wire.host.list_instances()
    wire.says("list", page(row(1), row(2)))
    assert wire.host.list_instances() == first, "as if it had been slow to arrive"
    assert wire.clock.sleeps == []
    wire.clock.time += 1.2
    assert [i.id for i in wire.host.list_instances()] == ["1", "2"]
    for name, write in WRITE.items():
        wire.says("create" if name == "create" else "destroy" if name == "destroy" else "manage", DONE)
        wire.says("list", page(row(1)))
        wire.host.list_instances()
        wire.says("list", page())
        write(wire.host)
        assert wire.host.list_instances() == (), f"a list from before a {name} says nothing about after it"


def test_a_clock_that_was_set_back_makes_no_list_last_longer(wire: Wire) -> None:
    wire.says("list", page(row(1)))
    wire.host.list_instances()
    wire.clock.time -= 3600
    wire.says("list", page())
    assert wire.host.list_instances() == ()


def test_a_list_that_failed_leaves_none_to_fall_back_on(wire: Wire) -> None:
    wire.says("list", page(row(1)))
    wire.host.list_instances()
    wire.clock.time += 2
    wire.says("list", {"instances": []})
    for _ in range(2):
        with pytest.raises(CannotObserve):
            wire.host.list_instances()


DONE = {"success": True, "new_contract": 1}
WRITE: dict[str, Callable[[VastHost], object]] = {
    "create": lambda host: host.create(order()),
    "destroy": lambda host: host.destroy(nth(7)),
    "start": lambda host: host.start(nth(7)),
    "stop": lambda host: host.stop(nth(7)),
}
CALLS: dict[str, tuple[str, Callable[[VastHost], object], float]] = {
    "show": ("show", lambda host: host.get_instance(nth(7)), 2.0),
    "destroy": ("destroy", lambda host: host.destroy(nth(7)), 3.0),
    "start": ("manage", lambda host: host.start(nth(7)), 1.0),
    "stop": ("manage", lambda host: host.stop(nth(7)), 1.0),
}


@pytest.mark.parametrize("name", CALLS)
def test_each_endpoint_keeps_its_own_distance(wire: Wire, name: str) -> None:
    operation, call, least = CALLS[name]
    wire.says("list", page())
    wire.says("show", {"instances": row()})
    for one in ("destroy", "manage"):
        wire.says(one, {"success": True})
    at: list[float] = []
    said = wire.replies[operation]

    def answer(request: Request) -> Reply:
        at.append(wire.clock.now())
        return said(request)

    wire.replies[operation] = answer
    for _ in range(4):
        call(wire.host)
    gaps = [later - earlier for earlier, later in itertools.pairwise(at)]
    assert min(gaps) > least
    assert max(gaps) < least * 1.2


def test_ten_searches_a_minute_go_out_at_once_and_the_eleventh_waits(wire: Wire) -> None:
    wire.says("search", {"offers": []})
    for _ in range(10):
        wire.host.search(Criteria(max_dph=0.5), LAUNCH)
    assert wire.clock.sleeps == []
    wire.host.search(Criteria(max_dph=0.5), LAUNCH)
    assert wire.clock.sleeps == [pytest.approx(66.0)]


def test_a_clock_that_was_set_back_makes_nobody_wait_for_an_hour(wire: Wire) -> None:
    wire.says("show", {"instances": row()})
    wire.host.get_instance(nth(7))
    wire.clock.time -= 3600
    wire.host.get_instance(nth(7))
    assert sum(wire.clock.sleeps) < 3


def test_the_date_of_a_good_answer_is_vasts_time_and_goes_on_by_the_steady_clock(wire: Wire) -> None:
    assert wire.host.date() is None
    wire.says("user", {"error": "nonsense"}, 400)
    with pytest.raises(CannotObserve):
        wire.host.account()
    assert wire.host.date() is None
    wire.says("user", {"credit": 1.0, "id": 7})
    wire.host.account()
    first = wire.host.date()
    assert first is not None
    assert abs(first - wire.world_time) <= 1.0
    wire.clock.time += 100.0
    assert wire.host.date() == first + 100.0


@pytest.mark.parametrize(
    ("date", "time"),
    [
        ("Tue, 14 Nov 2023 22:13:20 GMT", 1_700_000_000.0), ("Tue, 14 Nov 2023 22:13:20 -0000", 1_700_000_000.0),
        ("yesterday", None), ("", None),
    ],
)  # fmt: skip
def test_a_date_is_read_or_there_is_none(date: str, time: float | None) -> None:
    answer = requests.Response()
    answer.headers["Date"] = date
    assert date_of(answer) == time
    del answer.headers["Date"]
    assert date_of(answer) is None
