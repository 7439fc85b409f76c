"""Fixtures of all tests: loopback only, and no setting or key of the user who runs them."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_socket import socket_allow_hosts

from ert_deploy.core import redaction

pytest_plugins = ("tests.support.session",)
ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("ERT_SHARED", ROOT.parent / "shared"))
PERSONAL = (
    "VAST_API_KEY", "RENDER_API_KEY", "ERT_CONFIG", "ERT_AGENT_KEY", "VAST_URL", "NO_COLOR", "FORCE_COLOR",
    "AWS_PROFILE",
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_CA_BUNDLE", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy",
    "https_proxy",
)  # fmt: skip


def pytest_configure() -> None:
    """Restore Ctrl-C: a script that starts the tests with `&` disables it for them and for all their children."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _loopback_only() -> None:
    socket_allow_hosts(["127.0.0.1", "::1"], allow_unix_socket=True)


@pytest.fixture(autouse=True)
def _nobody_in_particular(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PERSONAL:
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture(autouse=True)
def held(monkeypatch: pytest.MonkeyPatch) -> redaction.Redactor:
    """Return the redactor of the process, without the secrets of earlier tests."""
    fresh = redaction.Redactor()
    monkeypatch.setattr(redaction, "HELD", fresh)
    for copy in filter(None, map(sys.modules.get, ("ert_backend.base.redaction", "ert_dashboard.base.redaction"))):
        monkeypatch.setattr(copy, "HELD", copy.Redactor())
    return fresh


@pytest.fixture(scope="session")
def database() -> Iterator[Any]:
    """Run a PostgreSQL server, one for all tests of a process."""
    from tests.support.doubles import postgres  # psycopg is imported for its tests alone

    with postgres.running() as server:
        yield server


@pytest.fixture(scope="module")
def key_value() -> Iterator[Any]:
    """Run a Redis or Valkey server for the tests of a module; skip them where the system has none."""
    from tests.support.doubles import key_value

    if key_value.PROGRAM is None:
        pytest.skip("neither valkey-server nor redis-server is installed")
    with key_value.running() as server:
        yield server


@pytest.fixture
def shared() -> Path:
    """Return the directory with the providers' published API descriptions; skip the test when it is absent."""
    if not SHARED.is_dir():
        pytest.skip("the providers' contracts are not beside this repository (set ERT_SHARED)")
    return SHARED
