"""TLS pinning: the key is sent only to a server with the pinned certificate for its address."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ert_dashboard.backend.client import BackendClient
from ert_dashboard.backend.errors import Unavailable, WrongIdentity
from ert_dashboard.base.backends import Backend
from ert_dashboard.base.interrupt import Interrupt, Interrupted, Reason
from ert_dashboard.base.secret import Secret
from ert_dashboard.web.app import Dashboard
from tests.support.certificates.self_signed import certificate
from tests.support.dashboard.fake_backend import KEY, FakeBackend
from tests.support.dashboard.fingerprint import sealed
from tests.support.dashboard.following import ask, ended

Start = Callable[[dict[str, str]], Dashboard]
REQUEST: dict[str, Any] = {
    "ticker": "AAPL",
    "company_data": {},
    "financial_data": {},
    "market_data": {},
    "sections": None,
}


@pytest.fixture
def clients() -> Iterator[Callable[[str, str], BackendClient]]:
    made: list[BackendClient] = []

    def make(url: str, pem: str) -> BackendClient:
        made.append(BackendClient(Backend(url=url, key=Secret(KEY), ca_pem=pem, total_s=5)))
        return made[-1]

    yield make
    for client in made:
        client.close()


def test_the_pinned_certificate_is_enough(backend: FakeBackend, clients: Any) -> None:
    client = clients(backend.url, backend.pem)
    with Interrupt() as interrupt:
        assert client.health(interrupt)[1]["model"] == "gpt-oss:20b"
        client.submit("AAPL-1", REQUEST, interrupt)
    assert "Authorization" not in backend.seen[0].headers
    assert backend.seen[1].headers["Authorization"] == f"Bearer {KEY}"


def test_another_certificate_gets_neither_key_nor_body(
    environ: dict[str, str], start: Start, backend: FakeBackend, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    client = start(sealed({**environ, "ERT_LLM_CA_CERT": certificate()[0]})).app.test_client()
    done = ended(client, ask(client))
    assert done["status"] == "failed"
    assert "does not have the pinned certificate" in done["error_message"]
    assert backend.connections > 0
    assert backend.seen == []
    assert KEY not in caplog.text


def test_a_certificate_for_another_address_is_refused(clients: Any) -> None:
    elsewhere = FakeBackend(ip="192.0.2.1")
    try:
        with Interrupt() as interrupt, pytest.raises(WrongIdentity):
            clients(elsewhere.url, elsewhere.pem).submit("AAPL-1", REQUEST, interrupt)
        assert elsewhere.seen == []
    finally:
        elsewhere.close()


def test_the_environment_cannot_lead_the_client_elsewhere(
    backend: FakeBackend, clients: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "ALL_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.setenv("SSL_CERT_FILE", "nowhere.pem")
    with Interrupt() as interrupt:
        assert clients(backend.url, backend.pem).health(interrupt)[0] == 200


def test_a_redirect_is_not_followed(backend: FakeBackend, clients: Any) -> None:
    backend.refusal = (307, {"detail": "over there"})
    with Interrupt() as interrupt, pytest.raises(Exception, match="HTTP 307"):
        clients(backend.url, backend.pem).submit("AAPL-1", REQUEST, interrupt)


def test_nobody_there_is_a_matter_of_time(clients: Any) -> None:
    gone = FakeBackend()
    gone.close()
    with Interrupt() as interrupt, pytest.raises(Unavailable, match="cannot be reached"):
        clients(gone.url, gone.pem).health(interrupt)


def test_a_waiting_call_ends_at_once_when_it_is_cut(backend: FakeBackend, clients: Any) -> None:
    backend.held = True
    client = clients(backend.url, backend.pem)
    with Interrupt() as interrupt:
        timer = threading.Timer(0.3, interrupt.cut, [Reason.ABORT])
        timer.start()
        with pytest.raises(Interrupted) as stopped:
            client.generate_report({**REQUEST, "sections": ["risk_analysis"]}, interrupt)
        timer.join()
    assert stopped.value.reason is Reason.ABORT
