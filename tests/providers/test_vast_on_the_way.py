"""Interception of requests to Vast.ai: redirects, slow and endless responses are errors, and the key is not leaked."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ert_deploy.core.model.desired import Launch
from ert_deploy.core.model.errors import CannotObserve, OutcomeUnknown
from ert_deploy.core.model.labels import Mark
from ert_deploy.core.model.secret import Secret
from ert_deploy.ports import CreateOrder
from ert_deploy.providers.vast.client import VastHost
from ert_deploy.sandbox.runtime.clock import WorldClock
from tests.support.certificates.ip_bound import pair
from tests.support.doubles.scripted_http import Answer, Script, scripted
from tests.support.fakes.timing import FakeClock
from tests.support.ids import nth
from tests.support.vast.world import KEY as RENTER_KEY
from tests.support.vast.world import renting, until

KEY = "vast-canary-0123456789"
TOKEN = "0123456789abcdef" * 2
LIST, CREATE = "GET /api/v1/instances/", "PUT /api/v0/asks/5/"
EMPTY = {"success": True, "instances": [], "total_instances": 0, "next_token": None}
ARMED = {"ERT_IDLE_STOP": "1200", "ERT_BOOT_DEADLINE": "2700", "ERT_MAX_LIFETIME": "43200"}
ORDER = CreateOrder(
    "5",
    Launch("img/backend:1", "gpt-oss:20b", disk_gb=40),
    Mark("ert", TOKEN),
    {"ERT_TOKEN": TOKEN, "ERT_BOOT_SECRET": "boot-secret", **ARMED},
)


def host(script: Script, seconds: float = 5.0) -> VastHost:
    made = VastHost(Secret(KEY), script.url, FakeClock(), act_within=seconds)
    made._session.sdk.client.timeout = seconds
    return made


@contextmanager
def between(answer: object, status: int) -> Iterator[tuple[Script, Script]]:
    """Run a server that redirects every call to another one, which has the expected response."""
    location = "/api/v1/instances/"
    with (
        scripted({"*": Answer(200, answer)}) as other,
        scripted({"*": Answer(status, answer, {"Location": other.url + location})}) as here,
    ):
        yield here, other


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirected_list_is_no_empty_list(status: int) -> None:
    with between(EMPTY, status) as (here, other), pytest.raises(CannotObserve, match="redirected") as caught:
        host(here).list_instances()
    assert not other.seen
    assert len(here.seen) == 1
    assert "page or a proxy" in caught.value.hint


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirected_create_sends_its_secret_nowhere_and_its_outcome_is_unknown(status: int) -> None:
    made = {"success": True, "new_contract": 7}
    with between(made, status) as (here, other), pytest.raises(OutcomeUnknown, match="redirected"):
        host(here).create(ORDER)
    assert not other.seen
    assert len(here.seen) == 1


CHANGES: dict[str, Callable[[VastHost], object]] = {
    "destroy": lambda vast: vast.destroy(nth(9)),
    "start": lambda vast: vast.start(nth(9)),
    "stop": lambda vast: vast.stop(nth(9)),
    "one instance": lambda vast: vast.get_instance(nth(9)),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_redirected_order_is_not_done(name: str) -> None:
    with between({"success": True, "instances": None}, 307) as (here, other), pytest.raises(CannotObserve):
        CHANGES[name](host(here))
    assert not other.seen


def test_a_redirect_says_nothing_of_the_time() -> None:
    with between(EMPTY, 302) as (here, _):
        vast = host(here)
        with pytest.raises(CannotObserve):
            vast.list_instances()
        assert vast.date() is None


def test_the_key_is_ours_whatever_a_netrc_file_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login thief password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with scripted({LIST: Answer(200, EMPTY)}) as here:
        assert host(here).list_instances() == ()
    assert here.seen[0].headers["Authorization"] == f"Bearer {KEY}"
    assert base64.b64encode(b"thief:else").decode() not in str(here.seen[0].headers)


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_a_proxy_that_opens_tls_is_trusted_when_the_environment_names_its_ca(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.write_text(pair().pem)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    with scripted({LIST: Answer(200, EMPTY)}, tls=pair().context()) as here:
        with pytest.raises(CannotObserve, match="certificate is not trusted") as caught:
            host(here).list_instances()
        assert "SSL_CERT_FILE" in caught.value.hint
        assert not here.seen
        monkeypatch.setenv(variable, str(bundle))
        assert host(here).list_instances() == ()


def test_a_ca_bundle_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "gone.pem"))
    with (
        scripted({LIST: Answer(200, EMPTY)}, tls=pair().context()) as here,
        pytest.raises(CannotObserve, match=r"the CA bundle that REQUESTS_CA_BUNDLE names cannot be read: .*gone.pem"),
    ):
        host(here).list_instances()


@pytest.mark.parametrize(
    "answer",
    [Answer(200, {}, endless=0.02), Answer(200, b" " * 10_000, trickle=0.02)],
    ids=["header", "body"],
)
def test_a_list_that_trickles_ends(answer: Answer) -> None:
    started = time.monotonic()
    with scripted({LIST: answer}) as here, pytest.raises(CannotObserve, match="did not finish within"):
        host(here, 0.3).list_instances()
    assert time.monotonic() - started < 10


def test_a_create_that_trickles_ends_within_the_time_of_a_call_that_acts() -> None:
    with scripted({CREATE: Answer(200, {}, endless=0.02)}) as here:
        vast = host(here, 0.3)
        started = time.monotonic()
        with pytest.raises(OutcomeUnknown, match="did not finish within"):
            vast.create(ORDER)
        assert time.monotonic() - started < 3
    assert len(here.seen) == 1


def test_a_list_without_end_is_not_read_to_its_end() -> None:
    with scripted({LIST: Answer(200, b" " * 9_000_000)}) as here, pytest.raises(CannotObserve, match="larger than"):
        host(here).list_instances()
    assert len(here.seen) == 1


ASK = "PUT /api/v0/instances/request_logs/9/"


def test_a_log_is_read_without_the_key_or_a_netrc_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login thief password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    later = [Answer(404, b"<Error/>", kind="application/xml"), Answer(200, "one\ntwo\n\u00e4\n".encode())]
    with (
        scripted({"GET /x.log": later}) as storage,
        scripted({ASK: Answer(200, {"result_url": storage.url + "/x.log"})}) as here,
    ):
        assert host(here).logs(nth(9), 2) == "two\n\u00e4"
    assert here.seen[0].json() == {"tail": "2"}
    assert len(storage.seen) == 2
    assert not any("Authorization" in one.headers for one in storage.seen)


@pytest.mark.parametrize("answer", [{"success": True}, {"result_url": 7}, {"result_url": ""}, []])
def test_an_answer_without_a_place_for_the_log_is_none(answer: object) -> None:
    with scripted({ASK: Answer(200, answer)}) as here, pytest.raises(CannotObserve, match="invalid response"):
        host(here).logs(nth(9), 10)


def test_a_log_that_never_comes_is_given_up() -> None:
    with (
        scripted({}) as storage,
        scripted({ASK: Answer(200, {"result_url": storage.url + "/x.log"})}) as here,
        pytest.raises(CannotObserve, match=r"in time \(status 404\)"),
    ):
        host(here).logs(nth(9), 10)
    assert len(storage.seen) == 30


@pytest.mark.process
def test_the_log_of_a_machine_of_the_sandbox_comes_through() -> None:
    with renting(speed=20.0) as renter:
        vast = VastHost(Secret(RENTER_KEY), renter.double.url, WorldClock(speed=20.0))
        number = renter.running()
        until(lambda: "GREETING" in vast.logs(nth(number), 100))
