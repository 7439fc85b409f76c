"""Bounds of the agent's gateway: sizes, slow and lost clients, broken responses, and its part of the metrics."""

from __future__ import annotations

import json
import socket
from dataclasses import replace
from threading import Event

import pytest

from ert_deploy.app.gateway.keys import backend_key, gateway_key
from ert_deploy.app.gateway.upstream import Within
from ert_deploy.core.model.errors import UsageError
from tests.support.agent.gateway import ASKED, KEY, QUICK, Passing, passing
from tests.support.agent.served import KEY as AGENT_KEY
from tests.support.agent.served import LONG, eventually
from tests.support.agent.shared import shared
from tests.support.doubles.streaming_tls import EVENTS, upstream, whole
from tests.support.fakes.sleep import asleep, awake

MIB = 1024 * 1024


def connected(through: Passing, body: bytes, receive_buffer: int = 0) -> socket.socket:
    """Return a connection over which a request was sent."""
    made = socket.socket()
    if receive_buffer:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    made.settimeout(LONG)
    made.connect(("127.0.0.1", through.agent.port))
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {KEY.reveal()}\r\n"
    made.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    return made


STREAM = json.dumps(ASKED | {"stream": True}).encode()


def test_a_client_that_leaves_ends_the_work_of_the_backend() -> None:
    with upstream() as one, passing(shared(awake()), one) as through:
        one.parts = [EVENTS + b"data: 1\n\n", Event()]
        client = connected(through, STREAM)
        while b"data: 1" not in client.recv(4096):
            pass
        client.close()
        eventually(lambda: one.cut_off == 1)
        eventually(lambda: through.keeper.counts.gateway.errors == {"client_gone": 1})


def test_a_client_that_leaves_while_it_is_held_asks_the_backend_for_nothing() -> None:
    made, go = asleep(), Event()

    def slow(_port: str, method: str) -> None:
        assert method != "start" or go.wait(LONG)

    with upstream() as one, passing(shared(made, slow), one) as through:
        client = connected(through, STREAM)
        eventually(lambda: through.keeper.counts.gateway.held)
        client.close()
        eventually(lambda: not through.keeper.counts.gateway.held)
        go.set()
        eventually(lambda: through.keeper.view.flight is None)
        assert one.heads == []


def test_a_slow_reader_slows_the_backend_and_is_given_up() -> None:
    with upstream() as one, passing(shared(awake()), one, bounds=replace(QUICK, write=0.5)) as through:
        one.parts = [EVENTS, *(b"x" * 65536 for _ in range(1600))]
        client = connected(through, STREAM, receive_buffer=4096)
        eventually(lambda: through.keeper.counts.gateway.errors)
        assert through.keeper.counts.gateway.errors == {"client_gone": 1}
        assert one.sent < 32 * MIB  # of 100: what kernels keep for two connections, and no more
        client.close()


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"x" * 2000, 413, "too_large"),
        (b"{", 400, "body"),
        (b"[]", 400, "body"),
        (b"[" * 1000, 400, "body"),
        (b"\xff", 400, "body"),
    ],
)
def test_a_body_that_cannot_be_is_refused_before_a_start(data: bytes, status: int, code: str) -> None:
    with upstream() as one, passing(shared(asleep()), one, bounds=replace(QUICK, body=1500)) as through:
        reply = through.ask(data=data)
        assert (reply.status_code, reply.json()["error"]["code"]) == (status, code)
        assert (through.keeper.counts.runs, one.heads) == ({}, [])


def test_a_body_that_does_not_arrive_is_refused() -> None:
    with upstream() as one, passing(shared(awake()), one, bounds=replace(QUICK, body_within=0.1)) as through:
        client = connected(through, b"")
        client.close()
        slow = socket.create_connection(("127.0.0.1", through.agent.port), timeout=LONG)
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {KEY.reveal()}\r\n"
        slow.sendall(f"{head}Content-Length: 10\r\n\r\n{{".encode())
        assert slow.recv(4096).startswith(b"HTTP/1.1 408 ")
        slow.close()


def test_no_more_than_so_many_requests_are_open() -> None:
    with upstream() as one, passing(shared(awake()), one, bounds=replace(QUICK, open=1)) as through:
        one.parts = [EVENTS + b"data: 1\n\n", Event()]
        client = connected(through, STREAM)
        client.recv(1)
        reply = through.ask()
        assert (reply.status_code, reply.json()["error"]["code"]) == (503, "too_many_requests")
        assert reply.headers["Retry-After"] == "5"
        assert through.get("/models").status_code == 200
        client.close()


def test_a_stream_that_breaks_off_ends_with_an_error_event() -> None:
    with upstream() as one, passing(shared(awake()), one) as through:
        head = EVENTS.replace(b"Connection: close", b"Transfer-Encoding: chunked")
        one.parts = [head + b"5\r\ndata:\r\n"]
        with through.ask(stream=True) as reply:
            seen, _, last = reply.content.strip().rpartition(b"\n\n")
        assert seen == b"data:"
        assert json.loads(last.removeprefix(b"data: "))["error"]["code"] == "backend_broke"


def test_a_response_that_breaks_off_is_incomplete_for_the_client() -> None:
    with upstream() as one, passing(shared(awake()), one) as through:
        one.parts = [whole(b"x" * 100)[0][:-50]]
        client = connected(through, json.dumps(ASKED).encode())
        seen = b""
        while piece := client.recv(4096):
            seen += piece
        assert seen.startswith(b"HTTP/1.1 200 ")
        assert seen.endswith(b"\r\n\r\n" + b"x" * 50)
        client.close()


@pytest.mark.parametrize("parts", [[b""], [b"nonsense\r\n\r\n"], [b"HTTP/1.1 200 OK\r\nA: " + b"x" * 20_000]])
def test_a_backend_without_a_valid_response_is_a_bad_gateway(parts: list[bytes]) -> None:
    with upstream() as one, passing(shared(awake()), one) as through:
        one.parts = parts
        reply = through.ask()
        assert (reply.status_code, reply.json()["error"]["code"]) == (502, "backend_broke")
        assert len(one.heads) == 1  # what was sent is not sent again


def test_a_backend_that_is_silent_is_a_bad_gateway() -> None:
    bounds = replace(QUICK, within=Within(head=0.2))
    with upstream() as one, passing(shared(awake()), one, bounds=bounds) as through:
        one.parts = [Event()]
        assert through.ask().json()["error"]["code"] == "backend_broke"


def test_an_error_of_the_backend_is_passed_on_also_after_comments() -> None:
    made, go = asleep(), Event()

    def slow(_port: str, method: str) -> None:
        assert method != "start" or go.wait(LONG)

    body = b'{"error": {"message": "the queue is full", "code": "queue"}}'
    with upstream() as one, passing(shared(made, slow), one) as through:
        one.parts = whole(body, "429 Too Many Requests", Retry_After="7")
        with through.ask(stream=True) as reply:
            go.set()
            last = reply.content.strip().split(b"\n")[-1]
        assert json.loads(last.removeprefix(b"data: "))["error"]["message"] == "the queue is full"
        again = through.ask()
        assert (again.status_code, again.content, again.headers["Retry-After"]) == (429, body, "7")


def test_its_metrics_are_those_of_the_agent() -> None:
    with upstream() as one, passing(shared(awake()), one) as through:
        one.parts = whole(b"{}")
        through.ask()
        through.ask(data=b"{")
        text = through.agent.call("GET", "/metrics").text
    assert 'ert_agent_gateway_requests_total{deployment="ert"} 2.0' in text
    assert 'ert_agent_gateway_held{deployment="ert"} 0.0' in text
    assert 'ert_agent_gateway_held_seconds_total{deployment="ert"} 0.0' in text
    assert 'ert_agent_gateway_errors_total{code="body",deployment="ert"} 1.0' in text


def test_its_keys_are_checked_before_it_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    for value, said in (("", "is not set"), ("short", "shorter than"), (AGENT_KEY.reveal(), "is the key of the agent")):
        monkeypatch.setenv("ERT_GATEWAY_KEY", value)
        with pytest.raises(UsageError, match=said):
            gateway_key(AGENT_KEY)
    monkeypatch.setenv("ERT_GATEWAY_KEY", KEY.reveal())
    assert gateway_key(AGENT_KEY) == KEY
    monkeypatch.delenv("ERT_GATEWAY_BACKEND_KEY", raising=False)
    assert backend_key(needed=False) is None
    with pytest.raises(UsageError, match="ERT_GATEWAY_BACKEND_KEY is not set"):
        backend_key(needed=True)
    monkeypatch.setenv("ERT_GATEWAY_BACKEND_KEY", "ert-key")
    found = backend_key(needed=True)
    assert found is not None
    assert found.reveal() == "ert-key"
