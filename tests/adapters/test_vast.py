"""The Vast adapter against a wire: what it sends, and what every kind of answer means."""

from __future__ import annotations

import contextlib
import itertools
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests

from ert_deploy.adapters.vast.client import VastHost
from ert_deploy.adapters.vast.errors import date_of
from ert_deploy.core.model.desired import Criteria, Launch, Market
from ert_deploy.core.model.errors import (
    CannotObserve,
    CreateRefused,
    ErtError,
    Failed,
    Gone,
    OfferGone,
    OutcomeUnknown,
    Rejected,
    StartRefused,
    Transient,
    UsageError,
)
from ert_deploy.core.model.labels import Mark
from ert_deploy.core.model.observed import Address
from ert_deploy.core.model.secret import Secret
from ert_deploy.ports import CreateOrder
from ert_deploy.sandbox.httpd.faults import Fault, Faults
from ert_deploy.sandbox.httpd.server import Reply, Request, Router, Server

KEY = Secret("vast-canary-0123456789")
TOKEN = "0123456789abcdef0123456789abcdef"
ARMED = {"ERT_IDLE_STOP": "1200", "ERT_BOOT_DEADLINE": "2700", "ERT_MAX_LIFETIME": "43200"}
LAUNCH = Launch("img/backend:1", "gpt-oss:20b", disk_gb=40)


class Clock:
    """Time that moves when somebody sleeps."""

    def __init__(self) -> None:
        self.time, self.sleeps = 1000.0, list[float]()

    def now(self) -> float:
        return self.time

    def steady(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds
        self.sleeps.append(seconds)


@dataclass
class Wire:
    """A scripted Vast: answers by operation, and every request it got."""

    server: Server
    host: VastHost
    clock: Clock
    faults: Faults
    replies: dict[str, Callable[[Request], Reply]] = field(default_factory=dict)
    got: list[Request] = field(default_factory=list)
    world_time: float = 1_700_000_000.0

    def says(self, operation: str, value: Any, status: int = 200) -> None:
        self.replies[operation] = lambda _: Reply.json(value, status)

    def answer(self, request: Request) -> Reply:
        self.got.append(request)
        return self.replies[request.operation](request)


@pytest.fixture
def wire() -> Iterator[Wire]:
    router, faults, clock = Router(), Faults(), Clock()
    server = Server(router, faults, now=lambda: 1_700_000_000.0).start()
    w = Wire(server, VastHost(KEY, server.url, clock), clock, faults)
    for method, path, operation in (
        ("GET", "/api/v0/users/current", "user"),
        ("GET", "/api/v1/instances/", "list"),
        ("GET", "/api/v0/instances/{id}/", "show"),
        ("DELETE", "/api/v0/instances/{id}/", "destroy"),
        ("PUT", "/api/v0/instances/{id}/", "manage"),
        ("POST", "/api/v0/bundles/", "search"),
        ("PUT", "/api/v0/asks/{id}/", "create"),
    ):
        router.add(method, path, operation, w.answer)
    yield w
    server.stop()


def row(number: int = 7, **changes: Any) -> dict[str, Any]:
    """An instance as Vast lists it while it runs."""
    return {
        "id": number,
        "label": f"ert1:ert:{TOKEN}",
        "extra_env": [["ERT_DEPLOYMENT", "ert"], ["ERT_TOKEN", TOKEN], ["ERT_BOOT_SECRET", "s"], ["ERT_SPEC", "x"]],
        "actual_status": "running",
        "intended_status": "running",
        "cur_state": "running",
        "status_msg": "success, running img/backend",
        "machine_id": 11,
        "gpu_name": "RTX 3090",
        "dph_total": 0.21,
        "start_date": 1700000000.5,
        "public_ipaddr": "203.0.113.9 \n",
        "ports": {"8443/tcp": [{"HostIp": "0.0.0.0", "HostPort": "40123"}, {"HostIp": "::", "HostPort": "40123"}]},
        **changes,
    }


def order(offer_id: int = 5, launch: Launch = LAUNCH) -> CreateOrder:
    return CreateOrder(offer_id, launch, Mark("ert", TOKEN), {"ERT_TOKEN": TOKEN, "-p 8443:8443": "1", **ARMED})


def page(*rows: dict[str, Any], **extra: Any) -> dict[str, Any]:
    return {"success": True, "instances": list(rows), "total_instances": len(rows), "next_token": None, **extra}


def test_an_instance_is_read_with_both_marks_and_its_address(wire: Wire) -> None:
    wire.says("list", page(row()))
    (found,) = wire.host.list_instances()
    assert found.mark == Mark("ert", TOKEN)
    assert found.address == Address("203.0.113.9", 40123)
    assert (found.status, found.dph, found.boot_secret) == ("running", 0.21, Secret("s"))


@pytest.mark.parametrize(
    "changes",
    [
        {"extra_env": None},
        {"extra_env": [["ERT_DEPLOYMENT", "ert"]]},
        {"extra_env": [["ERT_DEPLOYMENT", "other"], ["ERT_TOKEN", TOKEN]]},
        {"label": None},
        {"label": f"ert1:ert:{TOKEN} "},
        {"label": f"my-ert1:ert:{TOKEN}"},
    ],
)
def test_one_mark_alone_is_not_ours(wire: Wire, changes: dict[str, Any]) -> None:
    wire.says("list", page(row(**changes)))
    (found,) = wire.host.list_instances()
    assert found.mark is None


def test_a_row_full_of_nulls_blinds_nobody(wire: Wire) -> None:
    bare = {"id": 8, "start_date": None, "extra_env": None, "ports": None, "public_ipaddr": None, "actual_status": None}
    wire.says("list", page(bare, row()))
    nothing, ours = wire.host.list_instances()
    assert (nothing.id, nothing.status, nothing.address, nothing.started) == (8, None, None, None)
    assert ours.mark is not None


@pytest.mark.parametrize("price", [None, "missing", "0.2", True, -0.2, float("inf"), float("nan"), {}])
@pytest.mark.parametrize("name", ["dph_total", "storage_total_cost"])
def test_a_price_that_is_not_said_is_not_free(wire: Wire, name: str, price: object) -> None:
    told = {**row(storage_total_cost=0.01), name: price}
    if price == "missing":
        del told[name]
    wire.replies["list"] = lambda _: Reply(200, json.dumps(page(told)).encode())
    (found,) = wire.host.list_instances()
    unknown = found.dph if name == "dph_total" else found.disk_dph
    assert math.isnan(unknown)


def test_every_page_is_read(wire: Wire) -> None:
    pages = {"": page(row(1), next_token="t1", total_instances=2), "t1": page(row(2), total_instances=2)}
    wire.replies["list"] = lambda r: Reply.json(pages[r.one("after_token") or ""])
    assert [i.id for i in wire.host.list_instances()] == [1, 2]


@pytest.mark.parametrize(
    "answer",
    [
        {},
        [],
        {"instances": None},
        {"instances": {}},
        {"instances": ["x"]},
        {"instances": [{"id": "7"}]},
        {"success": False, "error": "deprecated_endpoint", "instances": []},
        page(row(1), total_instances=2),
        page(next_token=7),
        {"instances": []},
        {"success": True, "instances": []},
        {"instances": [], "total_instances": 0},
        page(total_instances=None),
        page(total_instances="0"),
        page(total_instances=False),
        page(row(1), total_instances=0),
        page(success="true"),
    ],
)
def test_an_answer_that_is_not_a_list_never_means_none(wire: Wire, answer: Any) -> None:
    wire.says("list", answer)
    with pytest.raises(CannotObserve):
        wire.host.list_instances()


@pytest.mark.parametrize(
    "fault",
    [
        Fault("list", reset=True, count=9),
        Fault("list", status=502, body="<html>bad gateway</html>", content_type="text/html", count=9),
        Fault("list", status=429, body="API requests too frequent", count=9),
        Fault("list", status=410, body='{"success": false, "error": "deprecated_endpoint"}', count=9),
        Fault("list", status=200, body="<html>hello</html>", content_type="text/html", count=9),
        Fault("list", status=200, body='{"instances": [', count=9),
    ],
    ids=lambda f: f"{f.status or 'reset'} {f.body[:12]}",
)
def test_a_list_that_fails_never_means_none(wire: Wire, fault: Fault) -> None:
    wire.says("list", page())
    wire.faults.add(fault)
    with pytest.raises(CannotObserve):
        wire.host.list_instances()


def test_a_passing_fault_is_ridden_out_on_the_clock(wire: Wire) -> None:
    wire.says("list", page())
    wire.faults.add(Fault("list", status=503, body="busy", count=2))
    wire.faults.add(Fault("list", status=429, body="slow down", headers={"Retry-After": "7"}))
    assert wire.host.list_instances() == ()
    assert wire.clock.sleeps[-1] == 7.0


def test_what_a_rate_limit_refuses_is_tried_more_often_than_what_fails(wire: Wire) -> None:
    """Two runs with one key take each other's turns."""
    wire.says("list", page())
    wire.faults.add(Fault("list", status=429, body="API requests too frequent", content_type="text/plain", count=7))
    assert wire.host.list_instances() == ()
    wire.clock.time += 5
    wire.faults.add(Fault("list", status=503, body="busy", count=4))
    with pytest.raises(CannotObserve):
        wire.host.list_instances()


def test_a_refused_key_is_the_users_to_mend_and_is_never_shown(wire: Wire) -> None:
    wire.says("list", {"success": False, "error": "auth_error", "msg": "Invalid user key"}, 404)
    with pytest.raises(UsageError) as refused:
        wire.host.list_instances()
    assert "key" in refused.value.summary
    assert "canary" not in f"{refused.value!r} {refused.value.detail} {refused.value.hint}"


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ({"instances": None}, 200),
        ({"success": True, "instances": None}, 200),
        ({"success": False, "error": "no_such_instance"}, 404),
    ],
)
def test_absent_is_said_by_a_complete_answer_only(wire: Wire, answer: Any, status: int) -> None:
    wire.says("show", answer, status)
    assert wire.host.get_instance(7) is None


@pytest.mark.parametrize(
    ("answer", "status", "error"),
    [
        ({"success": False, "error": "auth_error", "msg": "Invalid user key"}, 404, UsageError),
        ({}, 404, CannotObserve),
        ({}, 200, CannotObserve),
        ({"instances": []}, 200, CannotObserve),
        ({"instances": {}}, 200, CannotObserve),
        ({"instances": False}, 200, CannotObserve),
        ({"instances": ""}, 200, CannotObserve),
        ({"instances": [None]}, 200, CannotObserve),
        ({"instances": {"id": 8}}, 200, CannotObserve),
        ({"instances": {"id": "7"}}, 200, CannotObserve),
        ({"success": False, "instances": None}, 200, CannotObserve),
        ({"instances": None}, 404, CannotObserve),
        ({"error": "no_such_instance"}, 200, CannotObserve),
        ([], 200, CannotObserve),
        ([], 404, CannotObserve),
        (None, 200, CannotObserve),
        ({"success": False, "error": "not_found", "msg": "no route"}, 404, CannotObserve),
        ({"success": False}, 500, CannotObserve),
    ],
)
def test_a_bare_404_is_no_proof_of_absence(wire: Wire, answer: Any, status: int, error: type[ErtError]) -> None:
    wire.says("show", answer, status)
    with pytest.raises(error):
        wire.host.get_instance(7)


def test_the_create_call_carries_both_marks_and_refuses_a_stopped_start(wire: Wire) -> None:
    wire.says("create", {"success": True, "new_contract": 4242, "instance_api_key": "k"})
    assert wire.host.create(order()) == 4242
    (sent,) = wire.got
    body = json.loads(sent.body)
    assert sent.path == "/api/v0/asks/5/"
    assert body["label"] == f"ert1:ert:{TOKEN}"
    assert body["env"] == {"ERT_TOKEN": TOKEN, "-p 8443:8443": "1", **ARMED}
    assert (body["cancel_unavail"], body["runtype"], body["disk"], body["price"]) == (True, "args", 40, None)


def test_a_bid_is_sent_only_for_an_interruptible_instance(wire: Wire) -> None:
    wire.says("create", {"success": True, "new_contract": 1})
    wire.host.create(order(launch=Launch("i:1", "m", market=Market.INTERRUPTIBLE, bid=0.11)))
    assert json.loads(wire.got[0].body)["price"] == 0.11


@pytest.mark.parametrize(
    ("answer", "status", "error"),
    [
        (
            {"success": False, "error": "invalid_args", "msg": "error 404/3603: no_such_ask Instance type"},
            404,
            OfferGone,
        ),
        ({"success": False, "error": "no_such_ask", "msg": "no longer available."}, 410, OfferGone),
        ({"success": False, "error": "no_such_ask"}, 200, OfferGone),
        ({"success": False, "error": "no_such_ask", "new_contract": 9}, 400, OutcomeUnknown),
        ({"success": False, "error": "insufficient_credit", "msg": "add credit"}, 400, CreateRefused),
        ({"success": False, "error": "spend_rate_limit"}, 200, CreateRefused),
        ({"success": False, "error": "invalid_args", "msg": "bad"}, 400, CreateRefused),
        ({"success": True}, 200, OutcomeUnknown),
        ({"success": True, "new_contract": "9"}, 200, OutcomeUnknown),
        ({"success": True, "new_contract": True}, 200, OutcomeUnknown),
        ({"success": "true", "new_contract": 9}, 200, OutcomeUnknown),
        ({}, 200, OutcomeUnknown),
        ([], 200, OutcomeUnknown),
        ({"detail": "API requests too frequent endpoint threshold=4.5"}, 429, OutcomeUnknown),
        ({"msg": "oops"}, 500, OutcomeUnknown),
    ],
)
def test_what_a_create_answer_means(wire: Wire, answer: Any, status: int, error: type[ErtError]) -> None:
    wire.says("create", answer, status)
    with pytest.raises(error) as raised:
        wire.host.create(order())
    assert type(raised.value) is error


@pytest.mark.parametrize(
    "fault",
    [
        Fault("create", when="after", reset=True),
        Fault("create", when="before", reset=True),
        Fault("create", when="after", status=504, body="<html>", content_type="text/html"),
        Fault("create", when="after", status=502, body=""),
        Fault("create", when="after", status=429, body="API requests too frequent"),
    ],
    ids=lambda f: f"{f.when} {f.status or 'reset'}",
)
def test_a_create_goes_out_exactly_once_whatever_comes_back(wire: Wire, fault: Fault) -> None:
    wire.says("create", {"success": True, "new_contract": 1})
    wire.faults.add(fault)
    with pytest.raises(OutcomeUnknown):
        wire.host.create(order())
    assert wire.faults.seen.count("create") == 1


def test_creates_keep_their_distance_and_wait_for_it_before_and_not_within_the_call(wire: Wire) -> None:
    wire.says("create", {"success": True, "new_contract": 1})
    wire.host.await_turn("create")
    wire.host.create(order())
    assert wire.clock.sleeps == []
    wire.host.create(order(6))
    assert wire.clock.sleeps == [], "between an intent and its create nobody waits"
    wire.host.await_turn("create")
    assert wire.clock.sleeps == [pytest.approx(4.95)]


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


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("verb", ["start", "stop"])
def test_what_the_key_may_not_do_is_no_gpu_that_is_taken(wire: Wire, verb: str, status: int) -> None:
    wire.says("manage", {"success": False, "error": "forbidden", "msg": "no permission"}, status)
    with pytest.raises(Rejected, match="may not change instance 7") as refused:
        getattr(wire.host, verb)(7)
    assert "instance_write" in refused.value.hint


def test_a_destruction_that_the_key_may_not_order_names_the_right(wire: Wire) -> None:
    wire.says("destroy", {"success": False, "error": "forbidden"}, 403)
    with pytest.raises(CannotObserve) as refused:
        wire.host.destroy(7)
    assert "instance_write" in refused.value.hint


def test_a_start_is_not_sent_by_a_machine_that_slept_between_two_tries(wire: Wire) -> None:
    wire.says("manage", {"success": True})
    wire.faults.add(Fault("manage", status=500, body="oops"))
    honest = wire.clock.sleep

    def sleep(seconds: float) -> None:
        honest(seconds + 3600)

    wire.clock.sleep = sleep  # type: ignore[method-assign]
    with pytest.raises(CannotObserve, match="not sent any more"):
        wire.host.start(7)
    assert wire.got == []


def test_calls_that_act_have_the_time_that_the_settle_time_counts_on(wire: Wire) -> None:
    host = VastHost(KEY, wire.server.url, wire.clock, 0.2)
    wire.says("create", {"success": True, "new_contract": 1})
    wire.faults.add(Fault("create", delay=1.0))
    with pytest.raises(OutcomeUnknown):
        host.create(order())
    wire.says("user", {"credit": 1.0, "id": 7})
    wire.faults.add(Fault("user", delay=0.5))
    assert host.account().credit == 1.0


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
    assert [i.id for i in wire.host.list_instances()] == [1, 2]
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
    "destroy": lambda host: host.destroy(7),
    "start": lambda host: host.start(7),
    "stop": lambda host: host.stop(7),
}
CALLS: dict[str, tuple[str, Callable[[VastHost], object], float]] = {
    "show": ("show", lambda host: host.get_instance(7), 2.0),
    "destroy": ("destroy", lambda host: host.destroy(7), 3.0),
    "start": ("manage", lambda host: host.start(7), 1.0),
    "stop": ("manage", lambda host: host.stop(7), 1.0),
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
    wire.host.get_instance(7)
    wire.clock.time -= 3600
    wire.host.get_instance(7)
    assert sum(wire.clock.sleeps) < 3


@pytest.mark.parametrize("error", ["no_such_instance", "not_found"])
def test_destroying_what_is_gone_is_success(wire: Wire, error: str) -> None:
    wire.says("destroy", {"success": False, "error": error, "msg": "Instance not found"}, 404)
    wire.host.destroy(7)


@pytest.mark.parametrize(
    ("answer", "status", "error"),
    [
        ({"success": False, "msg": "later"}, 200, Transient),
        ({"success": False, "error": "auth_error"}, 404, UsageError),
        ({}, 404, CannotObserve),
        ({"success": False, "error": "rate_limit_exceeded"}, 429, CannotObserve),
    ],
)
def test_a_destruction_counts_only_when_vast_says_so(
    wire: Wire, answer: Any, status: int, error: type[ErtError]
) -> None:
    wire.says("destroy", answer, status)
    with pytest.raises(error):
        wire.host.destroy(7)


@pytest.mark.parametrize(("verb", "state"), [("start", "running"), ("stop", "stopped")])
def test_start_and_stop_are_one_state_each(wire: Wire, verb: str, state: str) -> None:
    wire.says("manage", {"success": True})
    getattr(wire.host, verb)(7)
    (asked,) = wire.got
    assert (asked.path, asked.json()) == ("/api/v0/instances/7/", {"state": state})


QUEUED = {"success": False, "error": "resources_unavailable", "msg": "Required resources are currently unavailable."}


@pytest.mark.parametrize(
    ("verb", "answer", "status", "error"),
    [
        ("start", QUEUED, 200, StartRefused),
        ("start", {"success": False}, 200, StartRefused),
        ("start", {"success": False, "error": "invalid_args", "msg": "contract ended"}, 400, StartRefused),
        ("start", {"success": False, "error": "missing_billing"}, 400, Failed),
        ("start", {"success": False, "error": "not_found"}, 404, Gone),
        ("start", {"success": False, "error": "auth_error"}, 404, UsageError),
        ("start", {"success": False, "error": "rate_limit_exceeded"}, 429, CannotObserve),
        ("start", {}, 200, Transient),
        ("start", [], 200, Transient),
        ("start", {}, 400, CannotObserve),
        ("stop", {"success": False, "msg": "later"}, 200, Transient),
        ("stop", {"success": False, "error": "not_found"}, 404, Gone),
        ("stop", {"success": False, "error": "auth_error"}, 404, UsageError),
    ],
)
def test_a_start_counts_only_when_vast_says_so(
    wire: Wire, verb: str, answer: Any, status: int, error: type[ErtError]
) -> None:
    wire.says("manage", answer, status)
    with pytest.raises(error) as refused:
        getattr(wire.host, verb)(7)
    assert type(refused.value) is error


@pytest.mark.parametrize(("verb", "slept"), [("start", []), ("stop", [90.0])])
def test_a_start_is_not_repeated_when_that_would_be_long_after_it_was_written_down(
    wire: Wire, verb: str, slept: list[float]
) -> None:
    wire.says("manage", {"success": True})
    wire.faults.add(Fault("manage", status=429, body="slow down", headers={"Retry-After": "90"}))
    with contextlib.suppress(CannotObserve):
        getattr(wire.host, verb)(7)
    assert wire.clock.sleeps == slept
    assert len(wire.got) == len(slept), "what was answered with 429 did not get through"


def test_a_search_is_sent_in_the_units_of_the_server(wire: Wire) -> None:
    wire.says("search", {"offers": []})
    wire.host.search(Criteria(max_dph=0.5, countries=("SE", "US"), gpu_names=("RTX 3090",)), LAUNCH)
    body = json.loads(wire.got[0].body)
    assert body["gpu_ram"] == {"gte": 22500}
    assert body["duration"] == {"gte": 259200.0}
    assert body["geolocation"] == {"in": ["SE", "US"]}
    assert body["cpu_arch"] == {"eq": "amd64"}
    assert (body["allocated_storage"], body["type"], body["order"]) == (40, "on-demand", [["dph_total", "asc"]])


@pytest.mark.parametrize(
    ("said", "asked", "unasked"), [("arm64", "arm64", "arm64"), ("amd64", "amd64", "amd64"), (None, "amd64", "")]
)
def test_a_row_that_does_not_say_its_cpu_is_believed_only_where_it_was_asked_for(
    wire: Wire, said: str | None, asked: str, unasked: str
) -> None:
    wire.says("search", {"offers": [{"id": 1, "machine_id": 2, "cpu_arch": said}]})
    for wide, expected in ((False, asked), (True, unasked)):
        (found,) = wire.host.search(Criteria(max_dph=0.5), LAUNCH, wide=wide)
        assert found.cpu_arch == expected


def test_an_offer_with_a_missing_price_is_kept_apart_by_the_filters(wire: Wire) -> None:
    wire.says("search", {"offers": [{"id": 1, "machine_id": 2, "gpu_name": "RTX 3090"}, {"id": "x"}]})
    (found,) = wire.host.search(Criteria(max_dph=0.5), LAUNCH)
    assert found.id == 1
    assert found.dph_total != found.dph_total


@pytest.mark.parametrize("answer", [{}, {"offers": None}, {"offers": {}}, {"offers": [7]}, []])
def test_a_search_answer_that_is_not_one_raises(wire: Wire, answer: Any) -> None:
    wire.says("search", answer)
    with pytest.raises(CannotObserve):
        wire.host.search(Criteria(max_dph=0.5), LAUNCH)


def test_the_account_says_its_credit_and_who_it_is_or_raises(wire: Wire) -> None:
    whole = {"id": 4711, "credit": 4.5, "email": "dev@example.org", "balance": 0}
    wire.says("user", whole)
    assert (wire.host.account().credit, wire.host.account().id) == (4.5, "4711")
    assert [request.operation for request in wire.got] == ["user"]  # asked at once again: no call
    for name, odd in (("credit", None), ("credit", "4.5"), ("id", None), ("id", "4711"), ("id", True)):
        wire.says("user", {**whole, name: odd})
        wire.clock.time += 1.5
        with pytest.raises(CannotObserve):
            wire.host.account()
    wire.says("user", [])
    with pytest.raises(CannotObserve):
        wire.host.account()


def test_words_from_outside_cannot_drive_the_terminal(wire: Wire) -> None:
    wire.says("list", page(row(status_msg="\x1b]0;owned\x07pulling\x1b[31m 3%\n\r\x00")))
    (found,) = wire.host.list_instances()
    assert found.message == "pulling 3%"
