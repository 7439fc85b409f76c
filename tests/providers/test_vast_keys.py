"""`key vast` against the sandbox's Vast: the new key works and may do no more, the former one is deleted."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from ert_deploy.app.running.provider_key import replace_provider_key
from ert_deploy.core.model.errors import ErtError, UsageError
from ert_deploy.core.model.secret import Secret
from ert_deploy.providers import key_admin
from ert_deploy.providers.vast import keys as vast_keys
from tests.support.fakes.deployment import Watcher
from tests.support.fakes.timing import FakeClock
from tests.support.vast.world import KEY, Renter, renting

ADMIN = Secret(KEY)


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Renter]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("VAST_API_KEY", raising=False)
    monkeypatch.setattr(vast_keys, "APART", 0.05)  # the double's time runs faster
    with renting() as renter:
        config("vast.key", renter.double.url)
        yield renter


def config(file: str, url: str) -> None:
    named = f", key: {{file: {file}}}" if file else ""
    Path("mine.yaml").write_text(
        "deployment: ert\nlaunch: {image: 'me/backend:1', model: 'gpt-oss:20b'}\n"
        f"offer: {{max_dph: 0.5}}\nvast: {{url: '{url}'{named}}}\nrender: {{services: [{{name: dash}}]}}\n"
    )


def rights(renter: Renter, key: str) -> dict[str, int]:
    """Return the status of a call of each kind with that key."""
    paths = {"list": "/api/v1/instances/", "user": "/api/v0/users/current", "keys": "/api/v0/auth/apikeys/"}
    headers = {"Authorization": f"Bearer {key}"}
    return {
        n: requests.get(f"{renter.double.url}{p}", headers=headers, timeout=10).status_code for n, p in paths.items()
    }


def test_the_key_is_replaced_and_the_one_before_is_deleted(account: Renter) -> None:
    first = replace_provider_key("mine.yaml", admin=ADMIN)
    assert first.deleted == ()
    key = Path("vast.key").read_text().strip()
    assert stat.S_IMODE(Path("vast.key").stat().st_mode) == 0o600
    assert rights(account, key) == {"list": 200, "user": 403, "keys": 403}
    watcher = Watcher()
    second = replace_provider_key("mine.yaml", admin=ADMIN, progress=watcher)
    assert len(second.deleted) == 1
    assert (first.name, key) != (second.name, Path("vast.key").read_text().strip())
    assert rights(account, key)["list"] == 404  # Vast's response to an invalid key
    assert not any(Path("vast.key").read_text().strip() in note for note in watcher.notes)


def test_a_key_that_does_not_work_leaves_everything_as_it_was(account: Renter, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("vast.key").write_text("the-former-key-0123456789\n")
    monkeypatch.setattr(vast_keys, "LEAST", ("misc",))
    with pytest.raises(ErtError):
        replace_provider_key("mine.yaml", admin=ADMIN)
    assert Path("vast.key").read_text() == "the-former-key-0123456789\n"
    assert key_admin("vast", ADMIN, account.double.url, FakeClock()).named("ert-deploy ert") == ()
    Path("vast.key").unlink()
    with pytest.raises(ErtError):
        replace_provider_key("mine.yaml", admin=ADMIN)
    assert not Path("vast.key").exists()


def test_what_is_missing_is_named_before_anything_is_created(account: Renter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VAST_ADMIN_API_KEY", raising=False)
    with pytest.raises(UsageError, match="VAST_ADMIN_API_KEY is not set"):
        replace_provider_key("mine.yaml")
    with pytest.raises(ErtError):
        replace_provider_key("mine.yaml", admin=Secret("a-wrong-key-0123456789"))
    monkeypatch.setenv("VAST_API_KEY", "another-key-0123456789")
    with pytest.raises(UsageError, match="would be used instead of the file"):
        replace_provider_key("mine.yaml", admin=ADMIN)
    monkeypatch.delenv("VAST_API_KEY")
    config("", account.double.url)
    with pytest.raises(UsageError, match="names no file"):
        replace_provider_key("mine.yaml", admin=ADMIN)
    with pytest.raises(UsageError, match="cannot be made here"):
        key_admin("render", ADMIN, account.double.url, FakeClock())
