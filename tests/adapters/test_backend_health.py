"""Backend health of a verified backend: its state, whether it can be contacted, and whether it accepts the key."""

from __future__ import annotations

import json
import traceback

import pytest

from ert_deploy.adapters.backend.probe import TlsBackendProbe, health_of
from ert_deploy.core.model.errors import Transient, UsageError
from ert_deploy.core.model.observed import Address, Vital
from ert_deploy.core.model.secret import Secret
from tests.support.backend.served import (
    BOOT,
    HEALTHY,
    KEY,
    LOADING,
    MARK,
    ask,
    backend,
    busy,
    look,
    sent_to,
)
from tests.support.certificates.ip_bound import Pair, pair, signed_by
from tests.support.doubles.scripted_http import Answer
from tests.support.fakes.timing import FakeEntropy


def test_a_certificate_that_no_client_would_verify_is_sick() -> None:
    expired = pair(years=1)
    with backend(expired) as script:
        found = look(script.port)
    assert (found.vital, found.certificate) == (Vital.UNHEALTHY, expired.pem)
    assert "expired" in found.detail


def test_a_certificate_for_somewhere_else_is_sick() -> None:
    elsewhere = pair(deployment="other", ip="203.0.113.7")
    with backend(elsewhere) as script:
        assert look(script.port).vital is Vital.UNHEALTHY


@pytest.mark.parametrize("own", [pair(ip="203.0.113.7"), pair(deployment="")])
def test_the_address_or_the_deployments_name_is_enough(own: Pair) -> None:
    with backend(own) as script:
        assert look(script.port).vital is Vital.HEALTHY
        assert ask(script.port, own.pem)


LOADED = [
    (503, LOADING, Vital.LOADING),
    (503, {}, Vital.LOADING),
    (503, {"status": "loading", "progress": {"phase": "failed", "detail": "no space left"}}, Vital.UNHEALTHY),
    (503, {"status": "degraded", "progress": {}}, Vital.UNHEALTHY),
    (200, {**HEALTHY, "ollama_status": "offline"}, Vital.UNHEALTHY),
    (200, {**HEALTHY, "status": "degraded"}, Vital.UNHEALTHY),
    (200, {}, Vital.UNHEALTHY),
    (500, {}, Vital.UNHEALTHY),
    (404, {}, Vital.UNHEALTHY),
]


@pytest.mark.parametrize(("status", "body", "vital"), LOADED)
def test_what_health_says(status: int, body: object, vital: Vital) -> None:
    with backend(health=Answer(status, body)) as script:
        assert look(script.port).vital is vital


def test_a_download_shows_how_far_it_is() -> None:
    with backend(health=Answer(503, LOADING)) as script:
        found = look(script.port)
    assert (found.phase, found.completed, found.total) == ("pulling", 4_000_000_000, 13_800_000_000)
    assert (found.detail, found.certificate) == ("pulling layer", pair().pem)


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[1]", b"\xff", b"[" * 50_000, b'{"progress": 5, "status": [], "model": {}}']
)
def test_an_odd_health_is_never_healthy_and_never_raises(body: bytes) -> None:
    assert health_of(200, body, "pem").vital is Vital.UNHEALTHY
    assert health_of(503, body, "pem").vital is Vital.LOADING


@pytest.mark.parametrize("odd", ["1", -1, True, 1.5, None, 2**70])
def test_odd_counters_count_as_nothing(odd: object) -> None:
    body = json.dumps({"status": "loading", "progress": {"phase": "pulling", "completed": odd, "total": odd}}).encode()
    found = health_of(503, body, "pem")
    assert (found.completed, found.total) == (0, 0)


def test_words_of_a_backend_lose_their_escapes() -> None:
    body = json.dumps({**HEALTHY, "model": "gpt\x1b[31m-oss\x07", "engine": "x" * 500}).encode()
    found = health_of(200, body, "pem")
    assert found.model == "gpt-oss"
    assert len(found.engine) == 120


@pytest.mark.parametrize(
    "address",
    [
        Address("10.0.0.1", 8443),
        Address("169.254.169.254", 80),
        Address("192.168.1.1", 443),
        Address("127.0.0.1", 8443),
        Address("::ffff:10.0.0.1", 8443),
        Address("::1", 8443),
        Address("0.0.0.0", 8443),
        Address("224.0.0.1", 8443),
        Address("example.org", 8443),
        Address("", 8443),
        Address("1.1.1.1", 0),
        Address("1.1.1.1", 70000),
    ],
)
def test_only_public_addresses_are_contacted(address: Address) -> None:
    probe = TlsBackendProbe(FakeEntropy())
    assert probe.probe(address, MARK, BOOT, "").vital is Vital.UNREACHABLE
    with pytest.raises(Transient):
        probe.accepts(address, pair().pem, KEY)


def test_loopback_is_the_only_exception_a_sandbox_makes() -> None:
    probe = TlsBackendProbe(FakeEntropy(), allow_loopback=True)
    assert "not a public address" in probe.probe(Address("10.0.0.1", 8443), MARK, BOOT, "").detail
    assert "not a public address" not in probe.probe(Address("::1", 9), MARK, BOOT, "").detail


def test_the_key_is_shown_to_the_holder_of_the_certificate() -> None:
    with backend() as script:
        assert ask(script.port, pair().pem) is True
        assert ask(script.port, pair().pem, Secret("ert-another")) is False
    assert script.seen[0].headers["Authorization"] == f"Bearer {KEY.reveal()}"


@pytest.mark.parametrize(
    ("own", "tls"), [(pair(number=5), True), (signed_by(pair()), True), (pair(), False)], ids=["other", "leaf", "plain"]
)
def test_the_key_is_shown_to_nobody_else(own: Pair, tls: bool) -> None:
    with backend(own, tls=tls) as script, pytest.raises(Transient) as caught:
        ask(script.port, pair().pem)
    assert KEY.reveal() not in sent_to(script)
    assert "/status" not in script.asked()
    assert KEY.reveal() not in "".join(traceback.format_exception(caught.value)) + repr(vars(caught.value))


@pytest.mark.parametrize("status", [403, 404, 429, 500, 503, 302])
def test_anything_but_yes_or_no_is_asked_again_later(status: int) -> None:
    with backend(status=Answer(status, {})) as script, pytest.raises(Transient, match=str(status)):
        ask(script.port, pair().pem)


@pytest.mark.parametrize(
    ("queue", "reports"), [({"depth": 0, "active": 0}, 0), ({"depth": 2, "active": 1}, 3), ({"depth": "many"}, 0)]
)
def test_a_backend_says_how_many_reports_it_has_under_way(queue: dict[str, object], reports: int) -> None:
    with backend(status=Answer(200, {"queue": queue})) as script:
        assert busy(script.port, pair().pem) == reports
        assert script.seen[0].headers["Authorization"] == f"Bearer {KEY.reveal()}"


@pytest.mark.parametrize("answer", [Answer(200, {}), Answer(200, {"queue": 3}), Answer(401, {}), Answer(reset=True)])
def test_a_backend_that_does_not_say_what_it_has_under_way_is_asked_again_later(answer: Answer) -> None:
    with backend(status=answer) as script, pytest.raises(Transient):
        busy(script.port, pair().pem)


@pytest.mark.parametrize("reaction", [Answer(reset=True), Answer(200, {}, pause=1.5)])
def test_no_answer_about_the_key_is_transient(reaction: Answer) -> None:
    with backend(status=reaction) as script, pytest.raises(Transient):
        ask(script.port, pair().pem, total=0.5)


@pytest.mark.parametrize("key", ["", "ert-a b", "ert-a\r\nX: y", "ert-\u00e9"])
def test_a_key_that_cannot_be_one_is_never_sent(key: str) -> None:
    with backend() as script, pytest.raises(UsageError):
        ask(script.port, pair().pem, Secret(key))
    assert not script.seen


@pytest.mark.parametrize(
    ("said", "misconfigured"), [({}, False), ({"misconfigured": True}, True), ({"misconfigured": 1}, False)]
)
def test_only_a_backend_that_says_so_would_fail_on_every_machine(said: dict[str, object], misconfigured: bool) -> None:
    body = {"status": "loading", "progress": {"phase": "failed", "detail": "no such model", **said}}
    found = health_of(503, json.dumps(body).encode(), "pem")
    assert (found.vital, found.detail, found.misconfigured) == (Vital.UNHEALTHY, "no such model", misconfigured)
