"""`ert-deploy report`: which call it makes, the login, and its output."""

from __future__ import annotations

import json
import sys
from typing import Any

import click
import pytest

from ert_deploy.adapters.app.dashboard_client import Listed, Report
from ert_deploy.adapters.app.report_stage import Stage
from ert_deploy.cli import main
from ert_deploy.core.model.errors import LoginRequired
from ert_deploy.core.model.secret import Secret

MADE = Report("AAPL", "AAPL-1f", {"risk_analysis": "one\ntwo\n"}, {"model": "m", "engine": "e"}, 1.5)
PASSWORD = "correct horse battery"


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["report", *words])
    return int(ended.value.code or 0)


@pytest.mark.parametrize("words", [(), ("AAPL", "--follow", "AAPL-1f")])
def test_it_takes_a_ticker_or_an_id(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*words) == 2
    assert "either a TICKER or --follow ID" in capsys.readouterr().err


@pytest.mark.parametrize("words", [("--follow",), ("--follow", "--json"), ("--follow", "-c", "my-app")])
def test_a_follow_without_an_id_hints_at_the_ids(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*words) == 2
    assert "hint: `ert-deploy report list` shows the ids" in capsys.readouterr().err


def test_an_id_is_followed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[Any] = []

    def follow(report_id: str, config: object, *, password: Secret | None, progress: Any) -> Report:
        asked.append((report_id, config, password))
        progress.note("Writing 1 of 5: Risk analysis.")
        return MADE

    monkeypatch.setattr("ert_deploy.app.report.follow", follow)
    assert run("--follow", "AAPL-1f", "--excerpt", "1", "-c", "x") == 0
    said = capsys.readouterr()
    assert asked == [("AAPL-1f", "x", None)]
    assert said.out == "## Risk Analysis\n\none\n...\n"
    assert said.err == "Writing 1 of 5: Risk analysis.\nAAPL: written by m on e in 1.5 s\n"


def test_the_list_has_a_line_for_each_report(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = [Listed("AAPL-1f", "AAPL", Stage("Done", "x."), "completed", "2026-01-01T00:00:00Z")]
    monkeypatch.setattr("ert_deploy.app.report.latest", lambda _config, **said: tuple(found))
    assert run("list") == 0
    assert capsys.readouterr().out.split() == ["2026-01-01T00:00:00Z", "AAPL", "Done", "AAPL-1f"]
    assert run("list", "--json") == 0
    assert json.loads(capsys.readouterr().out)["reports"][0]["report_id"] == "AAPL-1f"
    found.clear()
    assert run("list") == 0
    assert "no reports yet" in capsys.readouterr().err


def test_a_login_is_prompted_for_on_a_terminal_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given: list[Secret | None] = []

    def report(_ticker: str, _config: object, *, password: Secret | None, **_: object) -> Report:
        given.append(password)
        if password is None:
            raise LoginRequired("the dashboard requires a login")
        return MADE

    monkeypatch.setattr("ert_deploy.app.report.report", report)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False)
    assert run("AAPL") == 2
    assert given == [None]
    monkeypatch.setattr(click, "prompt", lambda *_, hide_input, err: PASSWORD if hide_input and err else "")
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert run("AAPL") == 0
    assert given == [None, None, Secret(PASSWORD)]
    assert PASSWORD not in "".join(capsys.readouterr())
