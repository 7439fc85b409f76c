"""The agent's gateway over real HTTP and TLS: a request wakes what sleeps, is held, and gets the response untouched."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Event
from typing import Any

import pytest
import requests

from ert_deploy.core.model.errors import CannotObserve
from ert_deploy.core.model.secret import Secret
from tests.support.agent.gateway import ASKED, KEY, QUICK, passing
from tests.support.agent.served import KEY as AGENT_KEY
from tests.support.agent.served import LONG, eventually
from tests.support.agent.shared import shared
from tests.support.certificates.ip_bound import pair
from tests.support.doubles.streaming_tls import EVENTS, Upstream, upstream, whole
from tests.support.fakes.history import WANTED
from tests.support.fakes.loopback import world
from tests.support.fakes.sleep import asleep, awake

ANSWER = b'{"id": "chatcmpl-1", "choices": [{"message": {"content": "Hello"}}]}'
PIECES = [b'data: {"choices": [{"delta": {"content": "H\xc3\xa4', b'"}}]}\r\n\r\n: note\n\n', b"data: [DONE]\n\n"]


def code(reply: requests.Response) -> str:
    """Return the code of an error in OpenAI's form."""
    error: dict[str, Any] = reply.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return str(error["code"])


def answering(one: Upstream) -> Upstream:
    one.parts = whole(ANSWER)
    return one


def test_a_request_while_it_serves_is_passed_on_with_the_backends_key() -> None:
    made = awake()
    key = made.web.services["dash"].env[WANTED.targets[0].names.key].reveal()
    with upstream() as one, passing(shared(made), answering(one)) as through:
        reply = through.ask(temperature=0.5)
        assert (reply.status_code, reply.content) == (200, ANSWER)
        assert reply.headers["Content-Length"] == str(len(ANSWER))
        assert json.loads(one.bodies[0]) == ASKED | {"temperature": 0.5}
        assert f"Authorization: Bearer {key}" in one.heads[0]
        assert KEY.reveal() not in one.heads[0]
        assert through.keeper.counts.runs == {}


def test_any_number_of_requests_while_it_sleeps_are_one_start_and_all_get_their_response() -> None:
    made, go = asleep(), Event()

    def slow(_port: str, method: str) -> None:
        assert method != "start" or go.wait(LONG)

    with upstream() as one, passing(shared(made, slow), answering(one)) as through, ThreadPoolExecutor(20) as pool:
        replies = [pool.submit(through.ask) for _ in range(20)]
        eventually(lambda: through.keeper.counts.gateway.held == 20)
        assert one.heads == []
        go.set()
        assert {reply.result(LONG).content for reply in replies} == {ANSWER}
        assert through.keeper.counts.gateway.held == 0
        assert through.keeper.counts.gateway.held_seconds > 0
    assert made.gpu.faults.calls.count("start") == 1


def test_a_stream_gets_comments_while_it_waits_and_then_the_bytes_of_the_backend() -> None:
    made, go, rest = asleep(), Event(), Event()

    def slow(_port: str, method: str) -> None:
        assert method != "start" or go.wait(LONG)

    with upstream() as one, passing(shared(made, slow), one) as through:
        one.parts = [EVENTS + PIECES[0], rest, *PIECES[1:]]
        with through.ask(stream=True) as reply:
            assert reply.headers["Content-Type"].startswith("text/event-stream")
            raw = reply.raw.stream(1, decode_content=False)
            seen = b""
            while seen.count(b": waking") < 2:
                seen += next(raw)
            go.set()
            while not seen.endswith(PIECES[0]):  # it is here before the backend has written the rest
                seen += next(raw)
            rest.set()
            seen += b"".join(raw)
    comments, _, stream = seen.partition(PIECES[0])
    assert stream == b"".join(PIECES[1:])
    assert {line.split()[1] for line in comments.splitlines() if line} <= {b"asleep", b"waking", b"unknown", b"ready"}
    assert all(line.startswith(b": ") for line in comments.splitlines() if line)


def test_another_address_and_another_key_are_followed() -> None:
    keys = [Secret("ert-key-number-one"), Secret("ert-key-number-two")]
    bounds = replace(QUICK, refusals=50)
    denied = whole(b'{"error": {}}', "401 Unauthorized")
    with (
        upstream() as one,
        upstream(pair(number=2)) as two,
        passing(shared(awake()), one, two, bounds=bounds) as through,
    ):
        for number, server in enumerate((one, two)):
            server.parts = denied
            server.by_key = {keys[number].reveal(): whole(ANSWER)}
        through.keys = [*keys]
        assert through.ask().status_code == 200
        through.to.pop(0)  # another machine, whose key is known a moment later
        looks = through.keeper.counts
        asking = threading.Timer(0.1, lambda: through.keys.pop(0))
        asking.start()
        assert through.ask().content == ANSWER
        assert (looks.gateway.errors, len(one.heads)) == ({}, 1)
        assert keys[0].reveal() not in two.heads[-1]


def test_a_key_that_stays_wrong_is_an_error_of_the_gateway() -> None:
    with upstream() as one, passing(shared(awake()), one) as through:
        one.parts = whole(b'{"error": {}}', "401 Unauthorized")
        reply = through.ask()
        assert (reply.status_code, code(reply), len(one.heads)) == (502, "backend_key", 3)


def test_nothing_is_sent_to_another_certificate() -> None:
    bounds = replace(QUICK, held_whole=0.3)
    with upstream() as one, passing(shared(awake()), answering(one), bounds=bounds) as through:
        one.certificate = pair(number=9)  # what the look has found, not what the server shows
        reply = through.ask()
        assert (reply.status_code, code(reply)) == (503, "waking")
        assert one.heads == []


def test_without_a_key_of_the_web_host_the_key_of_the_environment_is_used() -> None:
    own = Secret("ert-key-from-the-environment")
    with (
        upstream() as one,
        passing(shared(awake()), answering(one), backend_key=own, unpublished="no key") as through,
    ):
        assert through.ask().content == ANSWER
        assert f"Authorization: Bearer {own.reveal()}" in one.heads[0]
    with upstream() as one, passing(shared(awake()), answering(one), unpublished="no key") as through:
        assert (through.ask().status_code, one.heads) == (409, [])


def test_a_request_is_held_for_so_long_and_told_when_to_try_again() -> None:
    made, go = asleep(), Event()

    def slow(_port: str, method: str) -> None:
        assert method != "start" or go.wait(LONG)

    bounds = replace(QUICK, held_whole=0.2, held_stream=0.2)
    with upstream() as one, passing(shared(made, slow), answering(one), bounds=bounds) as through:
        reply = through.ask()
        assert (reply.status_code, code(reply)) == (503, "waking")
        assert 1 <= int(reply.headers["Retry-After"]) <= bounds.retry_after
        with through.ask(stream=True) as stream:
            last = stream.content.strip().split(b"\n")[-1]
        assert json.loads(last.removeprefix(b"data: "))["error"]["code"] == "waking"
        assert through.keeper.counts.gateway.errors == {"waking": 2}
        go.set()
        eventually(lambda: through.keeper.view.flight is None)


@pytest.mark.parametrize("stream", [False, True])
def test_what_may_not_be_woken_is_refused_at_once(stream: bool) -> None:
    with upstream() as one, passing(shared(world()), answering(one)) as through, through.ask(stream=stream) as reply:
        assert (reply.status_code, code(reply)) == (409, "nothing_to_wake")


def test_a_provider_that_cannot_be_read_does_not_stop_what_serves() -> None:
    made, broken = awake(), Event()

    def before(_port: str, method: str) -> None:
        if method == "list_instances" and broken.is_set():
            raise CannotObserve("the cloud does not respond")

    with upstream() as one, passing(shared(made, before), answering(one)) as through:
        broken.set()
        eventually(lambda: through.agent.wake().status_code == 503)
        assert through.ask().content == ANSWER


def test_the_models_are_listed_without_a_start() -> None:
    made = asleep()
    with upstream() as one, passing(shared(made), one) as through:
        found = through.get("/models").json()
        assert [row["id"] for row in found["data"]] == [WANTED.launch.model]
        assert through.get(f"/models/{WANTED.launch.model}").json() == found["data"][0]
        assert code(through.get("/models/other")) == "model_not_found"
        assert code(through.get("/files")) == "not_served"
        assert (one.heads, through.keeper.counts.runs) == ([], {})


@pytest.mark.parametrize("key", ["wrong", AGENT_KEY.reveal()])
def test_it_has_a_key_of_its_own(key: str) -> None:
    with upstream() as one, passing(shared(asleep()), one) as through:
        reply = through.ask(key=key)
        assert (reply.status_code, code(reply)) == (401, "invalid_api_key")
        assert through.agent.call("POST", "/wake", KEY.reveal()).status_code == 401
        assert through.keeper.counts.runs == {}
