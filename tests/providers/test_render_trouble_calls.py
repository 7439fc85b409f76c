"""Retries and waiting times of a single call; errors contain neither the key nor a value."""

from __future__ import annotations

import socket
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from ert_deploy.adapters.bounded_http import Bounds, NoAnswer, exchange
from ert_deploy.core.model.errors import CannotObserve, ErtError, Rejected, Transient
from ert_deploy.core.model.secret import Secret
from ert_deploy.providers.render.client import ATTEMPTS, LIST_SIZE, Call, redacted
from ert_deploy.providers.render.rate_limits import LONGEST_PAUSE
from ert_deploy.providers.render.web import RenderWeb
from tests.support.certificates.ip_bound import pair
from tests.support.doubles.scripted_http import HTML, Answer, Script, scripted
from tests.support.fakes.timing import FakeClock
from tests.support.render.recorded import CANARY, DEPLOYS, EMPTY, ENV, QUICK, SERVICE, deploy, page, variable

GOOD_PUT = Answer(200, variable("A", "v"))
PASSING = {
    "429": Answer(429, {"message": "slow down"}, {"Retry-After": "3"}),
    "408": Answer(408),
    "500": Answer(500, {"message": "internal"}),
    "502": HTML,
    "503": Answer(503, b"<html>", kind="text/html"),
    "reset": Answer(reset=True),
    "cut": Answer(200, variable("A", "v"), cut=4),
    "silent": Answer(200, variable("A", "v"), pause=0.8),
}


@contextmanager
def watched(**answers: Answer | list[Answer]) -> Iterator[tuple[RenderWeb, Script, FakeClock]]:
    """Yield a RenderWeb with a scripted Render and its clock; keys are `METHOD`, all for the variable A."""
    clock = FakeClock()
    paths = {f"{method} {ENV}/A" if method != "GET" else f"GET {ENV}": answer for method, answer in answers.items()}
    with scripted(paths) as script:
        yield RenderWeb(Secret(CANARY), script.url + "/v1", clock, QUICK), script, clock


@pytest.mark.parametrize("name", PASSING)
def test_a_write_of_one_variable_is_repeated_until_it_is_confirmed(name: str) -> None:
    with watched(PUT=[PASSING[name], GOOD_PUT]) as (web, script, clock):
        web.put_env(SERVICE, "A", Secret("v"))
    assert len(script.seen) == 2
    assert clock.slept > 0


@pytest.mark.parametrize("name", PASSING)
def test_a_read_is_repeated_too(name: str) -> None:
    with watched(GET=[PASSING[name], EMPTY]) as (web, script, _):
        assert web.read_env(SERVICE) == {}
    assert len(script.seen) == 2


def test_patience_ends_after_five_attempts() -> None:
    with watched(GET=HTML, PUT=HTML, DELETE=HTML) as (web, script, clock):
        with pytest.raises(CannotObserve, match="502"):
            web.read_env(SERVICE)
        with pytest.raises(Transient):
            web.put_env(SERVICE, "A", Secret("v"))
        with pytest.raises(Transient):
            web.delete_env(SERVICE, "A")
    assert len(script.seen) == 3 * ATTEMPTS
    assert clock.slept < 3 * ATTEMPTS * 30


@pytest.mark.parametrize(
    ("headers", "least", "most"),
    [
        ({"Retry-After": "7"}, 7, 8),
        ({"Ratelimit-Reset": "37"}, 37, 38),
        ({"Ratelimit-Reset": str(1_000_000_020 + 1_000_000)}, LONGEST_PAUSE, LONGEST_PAUSE + 1),
        ({"Retry-After": "86400"}, LONGEST_PAUSE, LONGEST_PAUSE + 1),
        ({"Retry-After": "soon"}, 0, 2),
        ({"Retry-After": "nan"}, 0, 2),
        ({"Retry-After": "-5"}, 0, 2),
        ({}, 0, 2),
    ],
)
def test_the_wait_is_what_render_asks_for_within_reason(headers: dict[str, str], least: float, most: float) -> None:
    with watched(GET=[Answer(429, {"message": "slow down"}, headers), EMPTY]) as (web, _, clock):
        web.read_env(SERVICE)
    assert least <= clock.slept <= most


def test_a_reset_given_as_a_time_is_understood() -> None:
    clock = FakeClock(1_800_000_000.0)
    late = Answer(429, {"message": "slow down"}, {"Ratelimit-Reset": "1800000020"})
    with scripted({f"GET {ENV}": [late, EMPTY]}) as script:
        RenderWeb(Secret(CANARY), script.url + "/v1", clock, QUICK).read_env(SERVICE)
    assert 20 <= clock.slept <= 21


def test_an_answer_without_end_is_cut_off() -> None:
    huge = Answer(200, b" " * (LIST_SIZE + 1))
    with watched(GET=huge) as (web, script, _), pytest.raises(CannotObserve, match="larger than"):
        web.read_env(SERVICE)
    assert len(script.seen) == 1


def test_a_body_that_trickles_ends_at_the_total() -> None:
    slow = Answer(200, b" " * 400, trickle=0.02)
    with scripted({"GET /": slow}) as script, pytest.raises(NoAnswer, match="did not finish"):
        exchange("GET", script.url + "/", Bounds(connect=1, read=0.5, total=0.3))


def test_a_certificate_nobody_knows_is_not_accepted_and_not_retried() -> None:
    with scripted({"GET /v1/services": EMPTY}, tls=pair().context()) as script:
        clock = FakeClock()
        web = RenderWeb(Secret(CANARY), script.url + "/v1", clock, QUICK)
        with pytest.raises(CannotObserve, match="certificate is not trusted"):
            web.service("dash")
    assert clock.slept == 0
    assert not script.seen


def test_an_http_proxy_of_the_environment_is_not_asked_for_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    with watched(GET=EMPTY) as (web, _, _clock):
        assert web.read_env(SERVICE) == {}


def test_a_redirect_never_carries_the_key_elsewhere() -> None:
    with (
        scripted({"GET /": EMPTY}) as other,
        watched(GET=Answer(307, None, {"Location": other.url + "/"})) as (web, _, _c),
        pytest.raises(CannotObserve, match="307"),
    ):
        web.read_env(SERVICE)
    assert not other.seen


VALUE = "ert-SecretValueSecretValue\nsecond-line-of-it"
ECHO = {"message": f"\x1b[31mno: {CANARY}"}
ECHO_VALUE = {"message": f"\x1b[31mno: {CANARY} and {VALUE} or second-line-of-it"}


def _calls() -> dict[str, Callable[[RenderWeb], object]]:
    return {
        "service": lambda web: web.service("dash"),
        "read_env": lambda web: web.read_env(SERVICE),
        "put_env": lambda web: web.put_env(SERVICE, "A", Secret(VALUE)),
        "delete_env": lambda web: web.delete_env(SERVICE, "A"),
        "newest_deploy": lambda web: web.newest_deploy(SERVICE),
        "deploy": lambda web: web.deploy(SERVICE),
        "get_deploy": lambda web: web.get_deploy(SERVICE, "dep-1"),
    }


@pytest.mark.parametrize("name", _calls())
@pytest.mark.parametrize(
    "answer",
    [*(Answer(status, ECHO) for status in (400, 401, 403, 409, 429, 500, 302)), HTML, Answer(reset=True)],
    ids=["400", "401", "403", "409", "429", "500", "302", "html", "reset"],
)
def test_no_error_holds_the_key_or_a_value(name: str, answer: Answer) -> None:
    paths = ("/v1/services", ENV, f"{ENV}/A", DEPLOYS, f"{DEPLOYS}/dep-1")
    script: dict[str, Answer | list[Answer]] = {f"{m} {p}": answer for m in ("GET", "PUT", "DELETE") for p in paths}
    script |= {f"POST {DEPLOYS}": answer}
    if name == "deploy":
        script |= {f"GET {DEPLOYS}": [page("deploy", deploy()), answer]}
    if name == "put_env":
        script = {f"PUT {ENV}/A": replace(answer, body=ECHO_VALUE if answer.body == ECHO else answer.body)}
    with scripted(script) as server:
        web = RenderWeb(Secret(CANARY), server.url + "/v1", FakeClock(), QUICK)
        with pytest.raises(ErtError) as caught:
            _calls()[name](web)
    shown = everything(caught.value)
    for secret in (CANARY, "SecretValue", "second-line", "\x1b"):
        assert secret not in shown


def test_even_a_short_value_is_not_echoed_by_the_error_about_it() -> None:
    value = "pass" + "123"
    no = Answer(400, {"message": f"{value} is not allowed"})
    with watched(PUT=no) as (web, _, _c), pytest.raises(Rejected, match=r"\*\*\* is not allowed") as caught:
        web.put_env(SERVICE, "A", Secret(value))
    assert value not in everything(caught.value)


def everything(error: BaseException | None) -> str:
    """Return all text of an exception and those chained to it."""
    shown = ""
    while error is not None:
        shown += repr(error) + repr(vars(error)) + "".join(traceback.format_exception(error))
        error = error.__context__
    return shown


def test_a_call_does_not_show_its_body() -> None:
    assert VALUE not in repr(Call("PUT", "/x", body={"value": VALUE}, secrets=(Secret(VALUE),)))


def test_every_longer_line_of_a_secret_is_redacted() -> None:
    assert redacted("a abcdefgh b", (Secret("abcdefgh\nxyzuvw"),)) == "a *** b"
    assert redacted("nothing", (Secret(""),)) == "nothing"


def test_a_server_that_answers_nonsense_is_ridden_out_like_a_reset() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=_babble, args=(listening,))
        thread.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
        with pytest.raises(CannotObserve, match="the connection broke"):
            RenderWeb(Secret(CANARY), url, FakeClock(), QUICK).read_env(SERVICE)
        thread.join()


def _babble(listening: socket.socket) -> None:
    for _ in range(ATTEMPTS):
        client, _ = listening.accept()
        with client:
            client.recv(4096)
            client.sendall(b"\x00\x01 what?\r\n\r\n")
