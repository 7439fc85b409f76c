"""The HTTP server of both providers: routes, and the effect of a fault on a client."""

from __future__ import annotations

import http.client
import socket
import time
from collections.abc import Iterator

import pytest
import requests

from ert_deploy.sandbox.httpd.faults import Fault, Faults
from ert_deploy.sandbox.httpd.server import Handler, Reply, Request, Router, Server
from ert_deploy.sandbox.runtime.clock import WorldClock, rfc3339


class Till:
    """A server that counts payments."""

    def __init__(self) -> None:
        self.paid: list[str] = []
        self.faults = Faults()
        router = Router()
        router.add("PUT", "/till/{coin}/", "pay", self.pay)
        router.add("GET", "/till", "look", lambda r: Reply.json({"paid": self.paid, "q": r.query, "op": r.operation}))
        router.add("DELETE", "/till", "empty", lambda _: Reply(204))
        self.server = Server(router, self.faults).start()

    def pay(self, request: Request) -> Reply:
        self.paid.append(request.params["coin"])
        return Reply.json({"number": len(self.paid)})

    def put(self, coin: str = "penny") -> requests.Response:
        return requests.put(f"{self.server.url}/till/{coin}", json={}, timeout=5)


@pytest.fixture
def till() -> Iterator[Till]:
    up = Till()
    yield up
    up.server.stop()


def test_a_route_takes_its_parameters_from_the_path_with_or_without_a_slash_at_the_end(till: Till) -> None:
    assert till.put("two%20pence").json() == {"number": 1}
    answer = requests.get(till.server.url + "/till/?a=1&a=2&b=", timeout=5)
    assert answer.json() == {"paid": ["two pence"], "q": {"a": ["1", "2"], "b": [""]}, "op": "look"}
    assert requests.get(till.server.url + "/elsewhere", timeout=5).status_code == 404


def test_an_empty_answer_has_no_body(till: Till) -> None:
    answer = requests.delete(till.server.url + "/till", timeout=5)
    assert (answer.status_code, answer.content) == (204, b"")


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "TRACE", "QUERY", "BREW"])
def test_a_method_that_no_route_has_is_not_found_and_the_connection_goes_on(till: Till, method: str) -> None:
    with requests.Session() as session:
        answer = session.request(method, till.server.url + "/till", timeout=5)
        assert answer.status_code == 404
        assert bool(answer.content) is (method != "HEAD")
        assert session.get(till.server.url + "/till", timeout=5).json()["op"] == "look"


def test_a_reset_before_the_effect_has_none(till: Till) -> None:
    till.faults.add(Fault("pay", "before", reset=True))
    with pytest.raises(requests.ConnectionError):
        till.put()
    assert till.paid == []


def test_a_reset_after_the_effect_looks_the_same_from_outside(till: Till) -> None:
    till.faults.add(Fault("pay", "after", reset=True))
    with pytest.raises(requests.ConnectionError):
        till.put()
    assert till.paid == ["penny"]


def test_a_status_can_replace_the_answer_of_an_effect_that_happened(till: Till) -> None:
    till.faults.add(Fault("pay", "after", status=502, body="<html>", content_type="text/html", headers={"X": "y"}))
    answer = till.put()
    assert (answer.status_code, answer.text, answer.headers["X"]) == (502, "<html>", "y")
    assert till.paid == ["penny"]


def test_an_effect_can_come_late(till: Till) -> None:
    till.faults.add(Fault("pay", "late", late=0.2, status=504))
    assert till.put().status_code == 504
    assert till.paid == []
    end = time.monotonic() + 5
    while till.paid == [] and time.monotonic() < end:
        WorldClock().sleep(0.02)
    assert till.paid == ["penny"]


def test_a_late_effect_does_not_outlive_the_server() -> None:
    till = Till()
    till.faults.add(Fault("pay", "late", late=0.2, status=504))
    till.put()
    till.server.stop()
    WorldClock().sleep(0.4)
    assert till.paid == []


def test_a_request_can_be_delivered_twice(till: Till) -> None:
    till.faults.add(Fault("pay", "after", twice=True))
    assert till.put().json() == {"number": 2}


def test_an_answer_can_be_cut_short(till: Till) -> None:
    till.faults.add(Fault("pay", cut=5))
    with pytest.raises((requests.exceptions.ChunkedEncodingError, requests.ConnectionError)):
        till.put()
    assert till.paid == ["penny"]


def test_an_answer_can_be_slow(till: Till) -> None:
    till.faults.add(Fault("pay", delay=0.3))
    began = time.monotonic()
    assert till.put().status_code == 200
    assert time.monotonic() - began >= 0.3


def test_faults_are_used_up_in_order_and_can_let_calls_through_first(till: Till) -> None:
    till.faults.add(Fault("pay", status=500, skip=1, count=2))
    assert [till.put().status_code for _ in range(4)] == [200, 500, 500, 200]
    till.faults.add(Fault("pay", status=500))
    assert till.faults.pending() == [{"operation": "pay", "skip": 0, "count": 1}]
    till.faults.clear()
    assert till.put().status_code == 200
    assert till.faults.seen.count("pay") == 5


@pytest.mark.parametrize(
    "value", [{}, {"operation": 3}, {"operation": "x", "when": "soon"}, {"operation": "x", "colour": 1}]
)
def test_a_fault_in_json_is_checked(value: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        Fault.parse(value)


def test_a_fault_in_json_has_the_fields_of_a_fault() -> None:
    fault = Fault.parse({"operation": "create", "when": "after", "reset": True, "count": 2})
    assert fault == Fault("create", "after", reset=True, count=2)


@pytest.mark.parametrize("length", ["-1", "many", "99999999999"])
def test_a_body_of_nonsensical_length_is_400_and_ends_the_connection(till: Till, length: str) -> None:
    with socket.create_connection(("127.0.0.1", till.server.port), 5) as raw:
        raw.sendall(f"PUT /till/x HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n".encode())
        answer = http.client.HTTPResponse(raw)
        answer.begin()
        assert answer.status == 400
        answer.read()
        assert raw.recv(1) == b""
        answer.close()
    assert till.paid == []


def test_a_stopped_server_answers_nobody_not_even_on_an_open_connection() -> None:
    till = Till()
    with requests.Session() as session:
        session.get(till.server.url + "/till", timeout=5)
        till.server.stop()
        with pytest.raises(requests.ConnectionError):
            session.put(till.server.url + "/till/late", timeout=5)
    assert till.paid == []


def test_a_server_that_never_started_can_be_stopped() -> None:
    Server(Router()).stop()


def test_middleware_sees_the_operation_before_the_handler_runs() -> None:
    def guarded(request: Request, handler: Handler) -> Reply:
        return handler(request) if request.operation == "open" else Reply.text("no", 403)

    router = Router(guarded)
    for name in ("open", "shut"):
        router.add("GET", f"/{name}", name, lambda _: Reply.text("yes"))
    server = Server(router).start()
    try:
        assert requests.get(server.url + "/open", timeout=5).text == "yes"
        assert requests.get(server.url + "/shut", timeout=5).status_code == 403
    finally:
        server.stop()


def test_world_time_runs_faster() -> None:
    clock = WorldClock(speed=100.0, epoch_wall=time.time(), epoch_world=0.0)
    clock.sleep(10)
    assert 10 <= clock.now() < 60
    assert clock.real_seconds(50) == 0.5
    assert rfc3339(0.0) == "1970-01-01T00:00:00Z"
