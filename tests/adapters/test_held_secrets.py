"""Secrets found by adapters are registered: no later output or stored file of the process contains them."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import pytest

from ert_deploy.adapters.backend import key_admin
from ert_deploy.adapters.docker_images import DockerImages
from ert_deploy.adapters.docker_streams import PASSWORD, USERNAME
from ert_deploy.adapters.state import document
from ert_deploy.adapters.state.s3_objects import _hold_token
from ert_deploy.core import redaction
from ert_deploy.core.model.errors import UsageError
from ert_deploy.core.model.keys import admin_token
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.model.state import Denied, State, Tombstone
from ert_deploy.core.redaction import Redactor
from ert_deploy.providers.vast import parse
from tests.support.doubles.docker_engine_api import FakeEngine
from tests.support.ids import nth

BOOT, OTHER = "a3f1c07b5d9e2846" * 4, "0f1e2d3c4b5a6978" * 4
ADMIN = admin_token(Secret(BOOT)) or ""


def row(number: int, boot: str, message: str, **more: Any) -> dict[str, Any]:
    env = [["ERT_BOOT_SECRET", boot], ["ERT_TOKEN", "1" * 32], ["HF_TOKEN", "hf_AbCdEf0123"]]
    return {"id": number, "extra_env": env, "status_msg": message, **more}


def test_a_host_repeats_no_secret_of_any_row_of_its_listing() -> None:
    rows = [
        row(1, BOOT, f"bad {OTHER} tok_0123456789 {ADMIN}"),
        row(2, OTHER, f"bad {BOOT[:30]}\n{BOOT[30:]} dckr_pat_01234", jupyter_token="tok_0123456789",
            onstart="docker login -u me --password dckr_pat_01234"),
        row(3, BOOT, f"{'1' * 32} hf_AbCdEf0123 wandb-0123456789", image_args=["-e", "W_API_KEY=wandb-0123456789"]),
    ]  # fmt: skip
    found, _, _ = parse.page({"success": True, "instances": rows, "total_instances": 3, "next_token": None})
    assert [parse.instance(one).message.text for one in found] == [
        "bad *** *** ***",
        "bad *** ***",
        "1" * 32 + " *** ***",
    ]
    assert parse.instance(found[0]).boot_secret == Secret(BOOT)


def test_a_read_by_id_holds_what_it_shows() -> None:
    one = parse.one({"instances": row(1, BOOT, f"bad {BOOT}")}, 200, nth(1))
    assert one is not None
    assert one.message.text == "bad ***"


def test_a_state_is_stored_without_what_a_host_repeated(held: Redactor) -> None:
    held.hold(BOOT)
    certificate_like = State(
        "mine",
        tombstones=(Tombstone("t" * 32, nth(5), 1.0, f"the host says: {BOOT}"),),
        denied=(Denied("7", 2.0, f"\x1b[31mno {BOOT.encode().hex()}\n::error::x"),),
    )
    raw = document.encode(certificate_like)
    assert BOOT not in raw.decode()
    loaded = document.decode(raw, "here", "mine")
    assert loaded.tombstones[0].reason == "the host says: ***"
    assert loaded.denied[0].reason == "no *** ::error::x"
    assert document.encode(loaded) == raw
    assert json.loads(raw)["state"]["tombstones"][0]["token"] == "t" * 32


def test_the_token_that_changes_keys_is_held_as_it_is_made() -> None:
    sent = key_admin.headers(Secret(BOOT))["Authorization"]
    assert sent == f"Bearer {ADMIN}"
    assert redaction.clean(f"no {ADMIN}") == "no ***"
    assert admin_token(Secret("short")) is None


def test_the_token_of_a_session_is_held_as_it_goes_out() -> None:
    class Sent:
        headers: ClassVar = {"X-Amz-Security-Token": b"FwoGZXIvYXdzEB4aDExample"}

    _hold_token(request=Sent())
    assert redaction.clean("bad FwoGZXIvYXdzEB4aDExample") == "bad ***"


@pytest.mark.parametrize("stored", [False, True])
def test_an_engine_repeats_no_login(stored: bool, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set by environment variables, or read from docker's configuration."""
    config = {"auths": {"r.example": {"auth": "bWU6aHVudGVyLTItaHVudGVy"}}}  # me:hunter-2-hunter
    (tmp_path / "config.json").write_text(json.dumps(config if stored else {}))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    with FakeEngine() as engine:
        env = {"DOCKER_HOST": engine.host} | ({} if stored else {USERNAME: "me", PASSWORD: "hunter-2-hunter"})
        engine.images.add("r.example/x:1")
        engine.pushing = [{"error": "unauthorized: hunter-2-hunter, bWU6aHVudGVyLTItaHVudGVy"}]
        with pytest.raises(UsageError) as refused:
            DockerImages(env).push("r.example/x:1", lambda _: None)
        assert refused.value.detail == "unauthorized: ***, ***"
        assert engine.pushed[0][2]["password"] == "hunter-2-hunter"
