"""`--json`: exactly one versioned document, whatever comes of the command; more only while it follows something."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ert_deploy.app.status.result import Status
from ert_deploy.cli import json_document, main
from ert_deploy.core.model.errors import CannotObserve
from ert_deploy.core.verdict.links import Standing


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ERT_CONFIG", raising=False)


def run(*args: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(args))
    return int(ended.value.code or 0)


def test_success_has_the_version_and_the_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("status", "-c", "sandbox", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["version"], document["exit_code"], document["sandbox"]) == (1, 0, "stopped")
    assert "error" not in document


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("status -c nowhere --json", "there is no config 'nowhere'"),
        ("status --json --colour", "No such option"),
        ("statsu --json", "Did you mean 'status'?"),
        ("sandbox stop -c sandbox --json", "no sandbox is running"),
    ],
)
def test_a_failure_is_a_document_too(words: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*words.split()) == 2
    document = json.loads(capsys.readouterr().out)
    assert set(document) == {"version", "exit_code", "error"}
    assert set(document["error"]) == {"summary", "detail", "hint"}
    assert said in document["error"]["summary"]
    assert document["exit_code"] == 2


def test_an_error_after_the_document_becomes_part_of_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = Status("ert", standing=Standing.UNCLEAR, undecided=(("7", "nobody knows"),))  # type: ignore[arg-type]
    monkeypatch.setattr("ert_deploy.app.status.read.own_status", lambda *_, **__: (found,))
    assert run("status", "--json") == 5
    document = json.loads(capsys.readouterr().out)
    assert (document["deployment"], document["suspects"], document["exit_code"]) == ("ert", ["7"], 5)
    assert document["error"]["summary"]


def test_an_unforeseen_error_is_said_without_its_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise KeyError("secret-canary")

    monkeypatch.setattr("ert_deploy.app.status.read.own_status", broken)
    assert run("status", "--json") == 1
    said = capsys.readouterr()
    assert "unforeseen KeyError" in json.loads(said.out)["error"]["summary"]
    assert "canary" not in said.out + said.err


def test_a_command_that_follows_prints_one_after_the_other(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def follow(*_: object, **__: object) -> Any:
        for number in range(3):
            json_document.emit_json({"number": number})
        raise CannotObserve("it went away")

    monkeypatch.setattr("ert_deploy.app.status.read.own_status", follow)
    assert run("status", "--json") == 5
    said, decoder = capsys.readouterr().out.strip(), json.JSONDecoder()
    found = []
    while said:
        document, end = decoder.raw_decode(said)
        found.append(document)
        said = said[end:].strip()
    assert found == [{"version": 1, "number": number} for number in range(3)]


def test_the_json_of_a_remote_command_is_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("ssh", "-c", "nowhere", "--", "ls", "--json") == 2
    assert capsys.readouterr().out == ""
