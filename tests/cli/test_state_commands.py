"""`ert-deploy state`: commands for state in a file and in S3, without a provider."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ert_deploy.adapters.clock import RealClock
from ert_deploy.adapters.state.file import StateFile
from ert_deploy.adapters.state.object_state import StateObject
from ert_deploy.adapters.state.s3_objects import S3Objects
from ert_deploy.cli import main
from ert_deploy.core.model.state import Denied, InstanceRecord, Intent, Launched, State, Tombstone
from ert_deploy.ports import StateKeeper
from tests.support.doubles import moto_s3
from tests.support.ids import nth

PRODUCTION = (
    (Path(__file__).resolve().parents[2] / "configs" / "ert.yaml").read_text().replace("YOUR-DEPLOYMENT", "ert")
)
FULL = State(
    "ert", 0, (Intent("a" * 32, 1.5, "7", "1001"),), (InstanceRecord("b" * 32, nth(5), "1002", 2.5),),
    (Tombstone("c" * 32, nth(6), 3.5, "replaced"),), (Denied("1003", 9e9, "no progress", "77", "2 failures in a row"),),
    launches=(Launched("1003", "77", 5.0, healthy=False), Launched("1004", "78", 6.0, healthy=True)),
)  # fmt: skip


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[Any, str]]:
    with moto_s3.running() as url:
        client = moto_s3.client(url)
        yield client, url
        client.close()


@pytest.fixture(params=["file", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StateKeeper:
    """Return the store of the config in the working directory."""
    monkeypatch.chdir(tmp_path)
    place, kept = "null", StateFile(tmp_path / ".ert" / "ert.json", "ert", RealClock())
    found: StateKeeper = kept
    if request.param == "s3":
        client, url = request.getfixturevalue("server")
        for name, value in {**moto_s3.KEYS, "AWS_ENDPOINT_URL_S3": url}.items():
            monkeypatch.setenv(name, value)
        bucket = moto_s3.bucket(client)
        place = f"s3://{bucket}/{{deployment}}.json"
        found = StateObject(S3Objects(bucket, RealClock(), client=client), "ert.json", "ert")
    text = PRODUCTION.replace("YOUR-NAME", "me").replace("state: null ", f"state: {place} ")
    (tmp_path / "mine.yaml").write_text(text)
    monkeypatch.setenv("ERT_CONFIG", "mine.yaml")
    return found


def run(*args: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["state", *args])
    return int(ended.value.code or 0)


def data(capsys: pytest.CaptureFixture[str], *args: str) -> Any:
    capsys.readouterr()
    assert run(*args, "--json") == 0
    return json.loads(capsys.readouterr().out)


def test_what_is_stored_is_shown(store: StateKeeper, capsys: pytest.CaptureFixture[str]) -> None:
    assert data(capsys, "show")["state"]["generation"] == 0
    store.save(FULL)
    assert run("show") == 0
    said = capsys.readouterr().out
    for words in (
        "generation 1",
        "instance   5",
        "aaaaaaaa",
        "to be gone 6: replaced",
        "avoided    machine 1003 of host 77 until 2255-03-14 16:00:00 UTC: 2 failures\n             in a row\n",
        "             no progress\n",
        "learned    from 2 rentals, of which 1 became healthy",
        "lock       free",
    ):
        assert words in said
    assert data(capsys, "show")["state"]["records"][0]["id"] == "5"


def test_a_denial_that_nobody_can_have_written_is_shown_within_80_columns_too(
    store: StateKeeper, capsys: pytest.CaptureFixture[str]
) -> None:
    forged = Denied("", 1e308, "no progress " * 40, "7" * 100, "failed on machines " + ", ".join(["10003"] * 30))
    store.save(State("ert", denied=(forged,)))
    assert run("show") == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if "generation" not in line]
    assert any("no progress" in line for line in lines)
    assert all(len(line) <= 80 for line in lines)


def test_a_person_locks_and_unlocks_and_everybody_is_told(
    store: StateKeeper, capsys: pytest.CaptureFixture[str]
) -> None:
    assert data(capsys, "unlock")["ended"] is None
    assert run("unlock") == 0
    assert "is not locked" in capsys.readouterr().out
    held = data(capsys, "lock", "--minutes", "5")["lock"]
    assert held["expires"] - held["since"] == pytest.approx(300, abs=1.5)
    assert data(capsys, "show")["lock"]["run"] == held["run"]
    assert run("lock") == 3
    assert "held by" in capsys.readouterr().err
    assert run("unlock") == 2
    assert "--yes" in capsys.readouterr().err
    assert data(capsys, "unlock", "--yes")["ended"]["run"] == held["run"]
    with store.lock("run-1"):
        pass
    assert run("lock") == 0
    assert run("unlock", "--yes") == 0
    assert "the lock is free" in capsys.readouterr().out


def test_the_history_is_listed(store: StateKeeper, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("history") == 0
    assert "nothing is stored" in capsys.readouterr().out
    store.save(FULL)
    (version,) = data(capsys, "history")["versions"]
    assert version["kind"] == "current"
    assert run("history") == 0
    assert version["id"] in capsys.readouterr().out


@pytest.mark.parametrize("store", ["file"], indirect=True)
def test_a_damaged_state_is_said_with_the_command_that_helps(
    store: StateKeeper, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert isinstance(store, StateFile)
    store.save(FULL)
    store.path.write_text("{")
    assert run("show") == 2
    assert "ert-deploy state rebuild" in capsys.readouterr().err


@pytest.mark.parametrize("words", [("reap", "--yes"), ("state", "rebuild")])
def test_what_cannot_be_listed_is_exit_5_and_no_render_key_is_asked_for(
    words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    text = PRODUCTION.replace("YOUR-NAME", "me").replace("url: https://console.vast.ai ", "url: http://127.0.0.1:9 ")
    (tmp_path / "mine.yaml").write_text(text)
    monkeypatch.setenv("VAST_API_KEY", "vast-canary-000")
    with pytest.raises(SystemExit) as ended:
        main([*words, "-c", "mine.yaml"])
    said = capsys.readouterr().err
    assert ended.value.code == 5, said
    assert "canary" not in said
    assert not (tmp_path / ".ert" / "ert.json").exists()


def test_a_person_on_a_terminal_is_asked_and_may_decline(monkeypatch: pytest.MonkeyPatch) -> None:
    import pty

    from ert_deploy.cli.options import confirmed

    ours, theirs = pty.openpty()
    try:
        with os.fdopen(theirs, closefd=False) as terminal:
            monkeypatch.setattr(sys, "stdin", terminal)
            for answer, agreed in ((b"n\n", False), (b"\n", False), (b"y\n", True)):
                os.write(ours, answer)
                assert confirmed("destroy it?", yes=False) is agreed
    finally:
        os.close(ours)
        os.close(theirs)


# State key

KEY, OTHER = "k" * 32, "o" * 40


def test_a_state_is_signed_by_hand_and_then_every_command_wants_the_key(
    store: StateKeeper, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    store.save(FULL)
    assert run("sign", "--yes") == 2
    assert "ERT_STATE_KEY is not set" in capsys.readouterr().err
    monkeypatch.setenv("ERT_STATE_KEY", KEY)
    assert run("show") == 2
    assert "is not signed, and a state key is set" in capsys.readouterr().err
    assert data(capsys, "sign", "--yes")["changed"] is True
    assert run("show") == 0
    assert run("sign", "--yes") == 0
    assert "is signed with this key already" in capsys.readouterr().out
    monkeypatch.setenv("ERT_STATE_KEY", "")
    assert run("show") == 2
    assert "is signed, and no state key is set" in capsys.readouterr().err


def test_nothing_is_signed_without_a_yes(
    store: StateKeeper, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    store.save(FULL)
    monkeypatch.setenv("ERT_STATE_KEY", KEY)
    monkeypatch.setattr("ert_deploy.cli.commands.state.confirmed", lambda *_, **__: False)
    assert run("sign") == 0
    assert "nothing was done" in capsys.readouterr().out
    assert run("show") == 2


def test_the_key_is_changed_with_the_former_one_and_taken_away_with_the_present_one(
    store: StateKeeper, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ERT_STATE_KEY", KEY)
    assert run("sign", "--yes") == 0
    assert "nothing is stored" in capsys.readouterr().out
    store.save(FULL)
    assert run("sign", "--yes") == 0
    monkeypatch.setenv("ERT_STATE_KEY", OTHER)
    assert run("sign", "--yes") == 2
    assert "its signature is not of this state key" in capsys.readouterr().err
    assert run("sign", "--yes", "--remove") == 2
    monkeypatch.setenv("ERT_STATE_KEY_OLD", KEY)
    assert run("sign", "--yes") == 0
    monkeypatch.delenv("ERT_STATE_KEY_OLD")
    assert run("show") == 0
    assert run("sign", "--yes", "--remove") == 0
    assert "is no longer signed" in capsys.readouterr().out
    assert run("show") == 2
    monkeypatch.delenv("ERT_STATE_KEY")
    assert run("show") == 0


@pytest.mark.parametrize("key", [KEY, None])
def test_a_config_can_ask_for_the_key(
    store: StateKeeper, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, key: str | None
) -> None:
    config = Path("mine.yaml")
    config.write_text(config.read_text().replace("state_key: null ", "state_key: ERT_STATE_KEY_MINE "))
    store.save(FULL)
    if key is None:
        assert run("show") == 2
        assert "no state key: ERT_STATE_KEY_MINE is not set" in capsys.readouterr().err
        return
    monkeypatch.setenv("ERT_STATE_KEY_MINE", key)
    assert run("sign", "--yes") == 0
    assert run("show") == 0


def test_a_key_that_can_be_guessed_is_refused_and_not_shown(
    store: StateKeeper, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    store.save(FULL)
    monkeypatch.setenv("ERT_STATE_KEY", "hunter2hunter2")
    assert run("show") == 2
    said = capsys.readouterr().err
    assert "shorter than 32 characters" in said
    assert "hunter2" not in said
