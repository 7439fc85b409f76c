"""The endpoint of the state in S3: over TLS, or on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from ert_deploy.adapters.state.s3_objects import S3Objects
from ert_deploy.core.model.errors import UsageError
from tests.support.fakes.timing import FakeClock

PLAIN = ["http://s3.example", "http://10.0.0.1:9000", "HTTP://minio.internal:9000", "http://127.0.0.1.example"]


@pytest.fixture(autouse=True)
def _own_surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_REGION", "us-east-1")


@pytest.mark.parametrize("endpoint", PLAIN)
def test_plain_http_is_refused(endpoint: str) -> None:
    with pytest.raises(UsageError, match="over plain http") as refused:
        S3Objects("b", FakeClock(), endpoint_url=endpoint)
    assert "https://" in refused.value.hint


@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"])
def test_plain_http_of_the_environment_is_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "http://s3.example")
    with pytest.raises(UsageError, match="over plain http"):
        S3Objects("b", FakeClock())


def test_plain_http_of_a_profile_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("[default]\nendpoint_url = http://s3.example\n")
    with pytest.raises(UsageError, match="over plain http"):
        S3Objects("b", FakeClock())


@pytest.mark.parametrize("endpoint", [None, "https://s3.example", "http://127.0.0.1:9000", "http://localhost:9000"])
def test_tls_and_this_machine_will_do(endpoint: str | None) -> None:
    assert S3Objects("b", FakeClock(), endpoint_url=endpoint).bucket == "b"
