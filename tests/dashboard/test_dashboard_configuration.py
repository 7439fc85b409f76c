"""Backend configuration: the owned variables are accepted only as a whole; otherwise the backend is not used."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ert_dashboard.base.env import BadSetting
from ert_dashboard.base.owned import Configuration, fingerprint_of
from ert_dashboard.base.secret import Secret
from ert_dashboard.settings import read_settings
from ert_dashboard.web.app import Dashboard
from tests.support.certificates.self_signed import certificate
from tests.support.dashboard.fake_backend import KEY, FakeBackend
from tests.support.dashboard.fingerprint import sealed

Start = Callable[[dict[str, str]], Dashboard]
PEM = certificate()[0]
COMPLETE = sealed(
    {
        "REMOTE_LLM_INTEGRATION": "true",
        "ERT_LLM_BACKEND_URL": "https://203.0.113.7:40123",
        "ERT_LLM_API_KEY": KEY,
        "ERT_LLM_TIMEOUT": "180",
        "OLLAMA_INTEGRATION": "false",
        "OPENAI_INTEGRATION": "false",
        "ERT_LLM_CA_CERT": PEM,
    }
)
WITHDRAWN = sealed({"REMOTE_LLM_INTEGRATION": "false", "OLLAMA_INTEGRATION": "false", "OPENAI_INTEGRATION": "false"})


def without(name: str) -> dict[str, str]:
    return {key: value for key, value in COMPLETE.items() if key != name}


def test_the_fingerprint_is_the_deployers() -> None:
    owned = {
        "REMOTE_LLM_INTEGRATION": "true",
        "ERT_LLM_BACKEND_URL": "https://203.0.113.7:40123",
        "ERT_LLM_API_KEY": "ert-0123456789",
        "PATH": "/usr/bin",
    }
    # printf '{"ERT_LLM_API_KEY":...}' | sha256sum, with these three variables
    assert fingerprint_of(owned) == "ef748f8a3edf3d65"
    assert fingerprint_of({**owned, "ERT_LLM_CONFIG_FINGERPRINT": "anything"}) == fingerprint_of(owned)


def test_a_complete_set_is_believed_and_its_key_never_shown() -> None:
    settings = read_settings(COMPLETE)
    assert (settings.configuration, settings.problem) == (Configuration.COMPLETE, None)
    assert settings.fingerprint == COMPLETE["ERT_LLM_CONFIG_FINGERPRINT"]
    assert settings.backends
    assert settings.backends[0].key == Secret(KEY)
    assert (settings.backends[0].url, settings.backends[0].total_s) == ("https://203.0.113.7:40123", 180.0)
    assert KEY not in f"{settings!r} {settings} {settings.backends[0].key:>40}"


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        (without("ERT_LLM_CA_CERT"), "ERT_LLM_CA_CERT not set"),
        (without("ERT_LLM_CONFIG_FINGERPRINT"), "ERT_LLM_CONFIG_FINGERPRINT not set"),
        (without("REMOTE_LLM_INTEGRATION"), "does not match"),
        ({"REMOTE_LLM_INTEGRATION": "true"}, "ERT_LLM_BACKEND_URL, ERT_LLM_API_KEY, ERT_LLM_CA_CERT not set"),
        ({**COMPLETE, "ERT_LLM_BACKEND_URL": "https://203.0.113.8:40123"}, "does not match"),
        ({**COMPLETE, "ERT_LLM_TIMEOUT": "181"}, "does not match"),
        (sealed({**COMPLETE, "OPENAI_INTEGRATION": "true"}), "OPENAI_INTEGRATION are both on"),
        (sealed({**COMPLETE, "REMOTE_LLM_INTEGRATION": "false", "ERT_LLM_CONFIG_FINGERPRINT": "0"}), None),
        (sealed({**COMPLETE, "ERT_LLM_BACKEND_URL": "http://203.0.113.7:40123"}), "https://host:port"),
        (sealed({**COMPLETE, "ERT_LLM_BACKEND_URL": "https://u:p@203.0.113.7:1"}), "https://host:port"),
        (sealed({**COMPLETE, "ERT_LLM_BACKEND_URL": "https://203.0.113.7:99999"}), "https://host:port"),
        (sealed({**COMPLETE, "ERT_LLM_CA_CERT": "-----BEGIN CERTIFICATE-----\nx\n"}), "PEM"),
        (sealed({**COMPLETE, "ERT_LLM_API_KEY": "ert-with\nnewline"}), "ERT_LLM_API_KEY"),
        (sealed({**COMPLETE, "ERT_LLM_TIMEOUT": "nan"}), "ERT_LLM_TIMEOUT"),
        (sealed({**COMPLETE, "ERT_LLM_TIMEOUT": "0"}), "ERT_LLM_TIMEOUT"),
    ],
)
def test_anything_less_is_not_used(environ: dict[str, str], says: str | None) -> None:
    settings = read_settings(environ)
    assert settings.backends == ()
    if says is None:
        assert settings.configuration is Configuration.ABSENT
        return
    assert settings.configuration is Configuration.TORN
    assert settings.problem is not None
    assert says in settings.problem
    assert KEY not in settings.problem


@pytest.mark.parametrize("environ", [{}, WITHDRAWN, {"OLLAMA_MODEL": "gpt-oss:20b", "REMOTE_LLM_INTEGRATION": "false"}])
def test_no_backend_is_no_error(environ: dict[str, str]) -> None:
    settings = read_settings(environ)
    assert (settings.configuration, settings.backends) == (Configuration.ABSENT, ())


@pytest.mark.parametrize(
    ("name", "value"), [("MAX_QUEUE_SIZE", "0"), ("PORT", "http"), ("ERT_LOG_LEVEL", "LOUD"), ("PORT", "inf")]
)
def test_a_bad_own_variable_stops_the_start_and_is_named(name: str, value: str) -> None:
    with pytest.raises(BadSetting, match=name):
        read_settings({name: value})


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Return a listening socket that detects connection attempts."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        found.settimeout(0.2)
        yield found


@pytest.mark.parametrize("missing", ["ERT_LLM_CONFIG_FINGERPRINT", "ERT_LLM_CA_CERT", "ERT_LLM_API_KEY"])
def test_a_torn_set_is_refused_without_a_byte_to_the_backend(
    start: Start, listener: socket.socket, tmp_path: Path, missing: str
) -> None:
    url = f"https://127.0.0.1:{listener.getsockname()[1]}"
    whole = sealed({**COMPLETE, "ERT_LLM_BACKEND_URL": url})
    torn = {name: value for name, value in whole.items() if name != missing}
    client: Any = start({**torn, "ERT_DASHBOARD_DB": str(tmp_path / "r.sqlite3")}).app.test_client()
    health = client.get("/health")
    assert (health.status_code, health.json["configuration"], health.json["fingerprint"]) == (200, "torn", None)
    refused = client.post("/api/generate", json={"ticker": "AAPL"})
    assert (refused.status_code, refused.json["configuration"]) == (409, "torn")
    assert missing in refused.json["error"]
    ready = client.get("/ready")
    assert (ready.status_code, ready.json["ready"]) == (503, False)
    assert "Reports cannot be written now" in client.get("/").text
    with pytest.raises(TimeoutError):
        listener.accept()


@pytest.mark.parametrize("told", [None, "", "ignore"])
def test_a_preview_of_a_pull_request_sends_no_byte_to_the_backend_of_production(
    start: Start, listener: socket.socket, tmp_path: Path, told: str | None
) -> None:
    url = f"https://127.0.0.1:{listener.getsockname()[1]}"
    copied = {**COMPLETE, "ERT_LLM_BACKEND_URL": url} | ({} if told is None else {"ERT_LLM_PREVIEWS": told})
    environ = {**sealed(copied), "IS_PULL_REQUEST": "true", "ERT_DASHBOARD_DB": str(tmp_path / "r.sqlite3")}
    client: Any = start(environ).app.test_client()
    health = client.get("/health").json
    assert (health["status"], health["configuration"]) == ("healthy", "absent")
    assert health["instance"] is None
    refused = client.post("/api/generate", json={"ticker": "AAPL"})
    assert refused.status_code == 409
    assert "a preview does not use the LLM backend" in refused.json["error"]
    assert client.get("/ready").status_code == 503
    with pytest.raises(TimeoutError):
        listener.accept()


def test_a_preview_uses_the_backend_where_the_deployer_said_so_and_the_service_itself_always() -> None:
    allowed = sealed({**COMPLETE, "ERT_LLM_PREVIEWS": "use"})
    assert read_settings({**allowed, "IS_PULL_REQUEST": "true"}).backends
    assert read_settings({**COMPLETE, "IS_PULL_REQUEST": "false"}).backends
    added = {**COMPLETE, "ERT_LLM_PREVIEWS": "use", "IS_PULL_REQUEST": "true"}
    assert read_settings(added).configuration is Configuration.TORN, "added by hand it does not match the fingerprint"


def test_health_shows_the_fingerprint_that_runs_and_says_so_in_the_log(
    environ: dict[str, str], start: Start, backend: FakeBackend, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    client: Any = start({**environ, "RENDER_INSTANCE_ID": "srv-1-abcde"}).app.test_client()
    health = client.get("/health").json
    assert health["fingerprint"] == environ["ERT_LLM_CONFIG_FINGERPRINT"]
    assert health["instance"] == "srv-1-abcde"
    assert health["configuration"] == "complete"
    assert set(health) >= {"status", "timestamp", "version", "active_reports", "queue_size", "features"}
    assert backend.connections == 0
    assert "Remote LLM integration loaded" in caplog.messages
    assert KEY not in caplog.text


def test_health_without_a_backend(start: Start, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    client: Any = start({**WITHDRAWN, "ERT_DASHBOARD_DB": str(tmp_path / "r.sqlite3")}).app.test_client()
    health = client.get("/health").json
    assert (health["status"], health["configuration"]) == ("healthy", "absent")
    assert health["fingerprint"] == WITHDRAWN["ERT_LLM_CONFIG_FINGERPRINT"]
    assert "Remote LLM integration loaded" not in caplog.messages
