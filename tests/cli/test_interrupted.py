"""Ctrl-C: tells what bills and its price, or that nothing does; and never hides that something could be rented."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ert_deploy.app.assist import billing
from ert_deploy.app.assist.billing import Bill, Billing
from ert_deploy.cli import main
from ert_deploy.core.model.errors import CannotObserve
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.ports import Audience
from ert_deploy.wiring import Session
from tests.cli.test_commands_call_app import CONFIG
from tests.support.fakes.loopback import FakeWorld, world

RUNS = Bill(InstanceId("7"), 0.3141, asleep=False)
SLEEPS = Bill(InstanceId("9"), 0.01, asleep=True)


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text(CONFIG)
    monkeypatch.setenv("ERT_CONFIG", "mine.yaml")


def interrupted(monkeypatch: pytest.MonkeyPatch, *words: str, found: Any) -> int:
    """Run a command that receives a real SIGINT, after which the provider says `found`, or raises it."""

    def strike(*_: object, **__: object) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    def look(config: object) -> Billing:
        assert config == "mine.yaml"
        if isinstance(found, BaseException):
            raise found
        return found  # type: ignore[no-any-return]

    monkeypatch.setattr("ert_deploy.app.lifecycle.up", strike)
    monkeypatch.setattr("ert_deploy.app.status.read.own_status", strike)
    monkeypatch.setattr(billing, "billing", look)
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    return int(ended.value.code or 0)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (Billing("ert"), "interrupted. Nothing is billing"),
        (Billing("ert", (RUNS,)), "interrupted. Billing now: instance 7 $0.3141/h"),
        (
            Billing("ert", (RUNS, SLEEPS), unsettled=1),
            "Billing now: instance 7 $0.3141/h, instance 9 (asleep, its disk) $0.0100/h; together $0.3241/h. "
            "1 create calls have no known outcome yet, so that more may appear",
        ),
        (Billing("ert", (RUNS,), sandbox=True), "Billing now in the sandbox, which costs nothing: instance 7"),
        (CannotObserve("Vast.ai is away"), "what bills now could not be read (Vast.ai is away). Rented instances"),
        (KeyError("canary"), "what bills now could not be read (KeyError). Rented instances remain"),
        (KeyboardInterrupt(), "what bills now was not read. Rented instances remain"),
    ],
)
def test_what_bills_is_said(
    found: Any, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = signal.getsignal(signal.SIGALRM), signal.getsignal(signal.SIGINT)
    assert interrupted(monkeypatch, "up", found=found) == 130
    shown = capsys.readouterr().err
    assert said in shown
    assert "ert-deploy down" in shown
    assert "canary" not in shown
    assert (signal.getsignal(signal.SIGALRM), signal.getsignal(signal.SIGINT)) == before


def test_as_json(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert interrupted(monkeypatch, "up", "--json", found=Billing("ert", (RUNS,))) == 130
    document = json.loads(capsys.readouterr().out)
    assert document["exit_code"] == 130
    assert "instance 7 $0.3141/h" in document["error"]["summary"]


def test_after_a_command_that_reads_nobody_is_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert interrupted(monkeypatch, "status", found=AssertionError("the provider was asked")) == 130
    assert "this command changes nothing" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "begun", "said"),
    [
        (("AAPL",), True, "report AAPL-1f is still written\nhint: `ert-deploy report --follow AAPL-1f -c mine.yaml`"),
        (("AAPL",), False, "this command changes nothing"),
        (("--follow", "MSFT-2e"), False, "hint: `ert-deploy report --follow MSFT-2e -c mine.yaml` returns to it"),
    ],
)
def test_how_to_return_to_a_report_is_said(
    words: tuple[str, ...], begun: bool, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def strike(*_: object, started: Any = None, **__: object) -> None:
        if begun:
            started("AAPL-1f")
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr("ert_deploy.app.report.report", strike)
    monkeypatch.setattr("ert_deploy.app.report.follow", strike)
    assert interrupted(monkeypatch, "report", *words, found=AssertionError("the provider was asked")) == 130
    assert said in capsys.readouterr().err


def test_the_bill_is_read_from_the_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    there: FakeWorld = world()

    def assemble(settings: Any, audience: Audience, *_: object, **__: object) -> Session:
        return Session(settings, settings.desired, replace(there.ports, audience=audience))

    monkeypatch.setattr("ert_deploy.app.deployment.assemble", assemble)
    assert billing.billing("mine.yaml") == Billing("ert")


def test_a_sandbox_that_does_not_run_bills_nothing() -> None:
    assert billing.billing("sandbox") == Billing("ert-sandbox", sandbox=True)
