"""The Vast adapter's create call: its request, that it is sent once, and the meaning of every kind of response."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ert_deploy.core.model.desired import Launch, Market
from ert_deploy.core.model.errors import CreateRefused, ErtError, OfferGone, OutcomeUnknown
from ert_deploy.providers.vast.client import VastHost
from ert_deploy.sandbox.httpd.faults import Fault
from tests.support.vast.wire import ARMED, KEY, TOKEN, Wire, order


def test_the_create_call_carries_both_marks_and_refuses_a_stopped_start(wire: Wire) -> None:
    wire.says("create", {"success": True, "new_contract": 4242, "instance_api_key": "k"})
    assert wire.host.create(order()) == "4242"
    (sent,) = wire.got
    body = json.loads(sent.body)
    assert sent.path == "/api/v0/asks/5/"
    assert body["label"] == f"ert1:ert:{TOKEN}"
    assert body["env"] == {"ERT_TOKEN": TOKEN, "-p 8443:8443": "1", **ARMED, "ERT_VAST_API": wire.server.url}
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


def test_calls_that_act_have_the_time_that_the_settle_time_counts_on(wire: Wire) -> None:
    host = VastHost(KEY, wire.server.url, wire.clock, 0.2)
    wire.says("create", {"success": True, "new_contract": 1})
    wire.faults.add(Fault("create", delay=1.0))
    with pytest.raises(OutcomeUnknown):
        host.create(order())
    wire.says("user", {"credit": 1.0, "id": 7})
    wire.faults.add(Fault("user", delay=0.5))
    assert host.account().credit == 1.0
