"""Fault proxy: which requests are forwarded for each type of fault, and the response to the client."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest
import requests

from tests.kills.fault_proxy import KINDS, FaultProxy, in_front_of, owner_of
from tests.support.doubles.scripted_http import Answer, Script, scripted

SAID = {"said": "x" * 400}


@pytest.fixture
def behind() -> Iterator[Script]:
    with scripted({"POST /v1/things": Answer(201, SAID), "GET /v1/things": Answer(200, SAID)}) as script:
        yield script


@pytest.fixture
def proxy(behind: Script) -> Iterator[FaultProxy]:
    with in_front_of(f"http://127.0.0.1:{behind.port}/v1") as made:
        yield made


def post(proxy: FaultProxy) -> requests.Response:
    return requests.post(f"{proxy.url}/things", json={"a": 1}, timeout=1.0)


def test_without_a_fault_everything_goes_through_as_it_is(proxy: FaultProxy, behind: Script) -> None:
    answer = post(proxy)
    assert (answer.status_code, answer.json()) == (201, SAID)
    assert [(seen.method, seen.path, seen.json()) for seen in behind.seen] == [("POST", "/v1/things", {"a": 1})]
    assert proxy.seen == [("POST /v1/things", "")]


@pytest.mark.parametrize(
    ("kind", "delivered", "status"),
    [("429", 0, 429), ("429-told", 0, 429), ("5xx-before", 0, 502), ("5xx-after", 1, 502), ("html", 1, 200),
     ("empty", 1, 200), ("trickle", 1, 201), ("duplicate", 2, 201), ("duplicate-first", 2, 201)],
)  # fmt: skip
def test_faults_with_an_answer(proxy: FaultProxy, behind: Script, kind: str, delivered: int, status: int) -> None:
    proxy.add(kind)
    answer = post(proxy)
    assert (answer.status_code, len(behind.seen)) == (status, delivered)
    assert ("Retry-After" in answer.headers) == (kind == "429-told")
    assert post(proxy).json() == SAID, "it strikes once"


@pytest.mark.parametrize(
    ("kind", "delivered"),
    [("timeout-before", 0), ("timeout-after", 1), ("truncated", 1), ("reset-before", 0), ("reset-after", 1)],
)
def test_faults_without_an_answer(proxy: FaultProxy, behind: Script, kind: str, delivered: int) -> None:
    proxy.add(kind)
    with pytest.raises((requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)):
        post(proxy)
    assert len(behind.seen) == delivered


def test_a_fault_strikes_by_route_and_by_number(proxy: FaultProxy) -> None:
    proxy.add("5xx-before", route="^POST", skip=1, count=2)
    get = [requests.get(f"{proxy.url}/things", timeout=5).status_code for _ in range(3)]
    assert get == [200, 200, 200]
    assert [post(proxy).status_code for _ in range(4)] == [201, 502, 502, 201]
    assert proxy.struck() == ["5xx-before", "5xx-before"]


@pytest.mark.parametrize(("kind", "delivered"), [("kill-before", 0), ("kill-after", 1)])
def test_the_process_that_asks_is_killed_and_no_other(behind: Script, kind: str, delivered: int) -> None:
    victims: set[int] = set()
    with in_front_of(f"http://127.0.0.1:{behind.port}/v1", lambda: victims) as proxy:
        proxy.add(kind)
        code = f"import requests; input(); requests.post({proxy.url + '/things'!r}, timeout=30)"
        argv = [sys.executable, "-c", code]
        with subprocess.Popen(argv, stdin=subprocess.PIPE) as asks:
            victims |= {asks.pid, os.getpid()}
            asks.communicate(b"\n", timeout=60)
        assert asks.returncode == -signal.SIGKILL
    assert len(behind.seen) == delivered


def test_a_connection_of_nobody_we_may_kill_has_no_owner() -> None:
    assert owner_of(1, {os.getpid()}) is None


def test_every_kind_is_described() -> None:
    assert all(KINDS.values())
