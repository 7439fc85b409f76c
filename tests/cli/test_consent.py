"""The question before a run: on a terminal alone, with the plan before it; `--yes`, `--dry-run` and plan files."""

from __future__ import annotations

import json
import os
import pty
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ert_deploy.cli import main
from ert_deploy.core.model.errors import CannotObserve
from ert_deploy.ports import Audience
from ert_deploy.wiring import Session
from tests.cli.test_commands_call_app import CONFIG
from tests.support.fakes.loopback import FakeWorld, offer, world


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeWorld:
    """Change to a folder with the config `mine.yaml`; return the world in which its commands run."""
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text(CONFIG)
    there = world()

    def assemble(settings: Any, audience: Audience, *_: object, **__: object) -> Session:
        return Session(settings, settings.desired, replace(there.ports, audience=audience))

    monkeypatch.setattr("ert_deploy.app.deployment.assemble", assemble)
    return there


def ran(*words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main([*words, "-c", "mine.yaml"])
    return int(str(ended.value.code))


@contextmanager
def terminal(monkeypatch: pytest.MonkeyPatch, typed: str = "") -> Iterator[None]:
    """Make stdin and stdout a terminal on which this is typed."""
    ours, theirs = pty.openpty()
    os.write(ours, f"{typed}\n".encode())
    with os.fdopen(theirs) as stdin, os.fdopen(os.dup(theirs), "w") as stdout, monkeypatch.context() as patch:
        patch.setattr("sys.stdin", stdin)
        patch.setattr("sys.stdout", stdout)
        yield
    os.close(ours)


@pytest.mark.parametrize("command", ["up", "wake", "sleep", "down"])
def test_no_is_the_answer_that_changes_nothing(
    made: FakeWorld, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    assert ran("up") == 0
    if command in ("up", "wake"):
        Path("mine.yaml").write_text(CONFIG.replace("0.1.0", "0.2.0"))
    before = made.store.text
    with terminal(monkeypatch):
        assert ran(command) == 1
    assert made.store.text == before
    said = capsys.readouterr().err
    assert "Proceed? [y/N]" in said
    assert said.rstrip().endswith("nothing was changed")
    if command in ("up", "wake"):
        assert "-/+ replace instance" in said


def test_yes_is_the_answer_that_runs_it(made: FakeWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    with terminal(monkeypatch, "y"):
        assert ran("up") == 0
    assert len(made.gpu.paid()) == 1


def test_nobody_is_asked_with_yes_or_without_a_terminal(
    made: FakeWorld, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ran("up") == 0
    with terminal(monkeypatch):
        assert ran("down", "--yes") == 0
    assert "Proceed?" not in capsys.readouterr().err
    assert made.gpu.paid() == ()


def test_nothing_to_do_is_no_question(made: FakeWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ran("up") == 0
    with terminal(monkeypatch):
        assert ran("up") == 0


@pytest.mark.parametrize("command", ["up", "sleep", "down"])
def test_a_dry_run_shows_the_plan_and_changes_nothing(
    made: FakeWorld, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    before = made.store.text
    assert ran(command, "--dry-run") == 0
    assert made.store.text == before
    assert made.gpu.paid() == ()
    said = capsys.readouterr()
    assert said.out.startswith("ert: ")
    assert "Proceed?" not in said.err


def test_down_asks_even_if_what_exists_is_not_known(
    made: FakeWorld, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made.gpu.faults.queued["list"] = [CannotObserve("no answer")]
    with terminal(monkeypatch, "n"):
        assert ran("down") == 1
    assert "what exists is not known" in capsys.readouterr().err


def test_a_plan_file_is_private_and_done_without_a_question(
    made: FakeWorld, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ran("plan", "--out", "the.plan") == 0
    assert stat.S_IMODE(Path("the.plan").stat().st_mode) == 0o600
    assert json.loads(Path("the.plan").read_text())["version"] == 1
    with terminal(monkeypatch):
        assert ran("up", "--plan", "the.plan") == 0
    assert len(made.gpu.paid()) == 1
    assert "Proceed?" not in capsys.readouterr().err


def test_a_plan_file_alone_is_as_good_as_the_option(made: FakeWorld, capsys: pytest.CaptureFixture[str]) -> None:
    assert ran("plan", "--out", "the.plan") == 0
    assert ran("up", "the.plan") == 0
    assert len(made.gpu.paid()) == 1
    assert ran("up", "the.plan") == 1
    assert "the plan no longer holds: instance 500 was none and is running" in capsys.readouterr().err
    assert ran("up", "the.plan", "--plan", "the.plan") == 2


def test_a_word_that_is_no_file_is_taken_for_a_config(made: FakeWorld, capsys: pytest.CaptureFixture[str]) -> None:
    assert ran("up", "my-app") == 2
    said = capsys.readouterr().err
    assert "error: there is no plan file my-app" in said
    assert "hint: `-c my-app` chooses the config of that name" in said
    assert made.gpu.paid() == ()


def test_a_plan_file_has_no_secret(made: FakeWorld) -> None:
    assert ran("up") == 0
    Path("mine.yaml").write_text(CONFIG.replace("0.1.0", "0.2.0"))
    assert ran("plan", "--out", "the.plan") == 0
    text = Path("the.plan").read_text()
    service = made.web.services["dash"]
    held = [service.env[name].reveal() for name in ("ERT_LLM_API_KEY", "ERT_LLM_CA_CERT")]
    held += [i.order.env["ERT_BOOT_SECRET"] for i in made.gpu.instances.values()]
    assert not [secret for secret in held if secret in text]


def other_config(_: FakeWorld) -> None:
    Path("mine.yaml").write_text(CONFIG.replace("0.1.0", "0.2.0"))


def dearer(made: FakeWorld) -> None:
    made.gpu.offers = tuple(replace(one, dph_total=one.dph_total + 0.1) for one in made.gpu.offers)


def cheaper(made: FakeWorld) -> None:
    made.gpu.offers = (offer(99, dph_total=0.1), *made.gpu.offers)


CHANGES = {
    "the config has changed": other_config,
    "the offer was 1 at $0.201/h and is 1 at $0.301/h": dearer,
    "the offer was 1 at $0.201/h and is 99 at": cheaper,
}


@pytest.mark.parametrize("said", CHANGES)
def test_a_plan_is_refused_when_the_world_has_changed(
    made: FakeWorld, capsys: pytest.CaptureFixture[str], said: str
) -> None:
    assert ran("plan", "--out", "the.plan") == 0
    CHANGES[said](made)
    assert ran("up", "--plan", "the.plan") == 1
    shown = capsys.readouterr().err
    assert f"error: the plan no longer holds: {said}" in shown
    assert "hint: nothing was changed" in shown
    assert made.gpu.paid() == ()


def test_a_plan_is_refused_when_an_instance_has_come(made: FakeWorld, capsys: pytest.CaptureFixture[str]) -> None:
    assert ran("plan", "--out", "the.plan") == 0
    assert ran("up") == 0
    assert ran("up", "--plan", "the.plan") == 1
    assert "the plan no longer holds: instance 500 was none and is running" in capsys.readouterr().err


def test_a_plan_of_another_command_or_no_plan_is_refused(made: FakeWorld, capsys: pytest.CaptureFixture[str]) -> None:
    assert ran("plan", "--out", "the.plan") == 0
    assert ran("down", "--plan", "the.plan") == 2
    assert "the.plan is a plan of `up` for ert" in capsys.readouterr().err
    for text in ("", "[]", "{}", '{"format": "ert-deploy plan", "version": 2}'):
        Path("the.plan").write_text(text)
        assert ran("up", "--plan", "the.plan") == 2
        assert "the.plan is not a plan of this version" in capsys.readouterr().err
    assert ran("up", "--plan", "none.plan") == 2
    assert ran("plan", "--out", "no/such/folder") == 2


def test_a_plan_without_an_image_is_shown_and_says_so(made: FakeWorld, capsys: pytest.CaptureFixture[str]) -> None:
    Path("mine.yaml").write_text(
        CONFIG.replace("ghcr.io/someone/ert-llm-backend:0.1.0", "ghcr.io/YOUR-NAME/ert-llm-backend:0.1.0")
    )
    assert ran("plan") == 0
    out = capsys.readouterr().out
    assert "up would fail: the config names no image yet" in out.replace("\n      ", " ")
    assert "the best of" in out
    assert ran("up", "--yes") == 2
