"""`ert-deploy events`: the history in the state, as lines and as JSON, with the user who wrote it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ert_deploy.adapters.clock import RealClock
from ert_deploy.adapters.state.document import who
from ert_deploy.adapters.state.file import StateFile
from ert_deploy.cli import main
from ert_deploy.core.model.log.happened import Happened
from ert_deploy.core.model.log.transitions import remembered
from ert_deploy.core.model.state import State

CONFIG = """\
deployment: ert
launch: {image: "ghcr.io/someone/ert-llm-backend:0.1.0", model: "gpt-oss:20b"}
offer: {max_dph: 0.60}
render: {services: [{name: dash}]}
"""


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["events", "-c", "mine.yaml", *words])
    return int(ended.value.code or 0)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StateFile:
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text(CONFIG)
    return StateFile(tmp_path / ".ert" / "ert.json", "ert", RealClock())


def test_without_a_state_there_is_no_event(store: StateFile, capsys: pytest.CaptureFixture[str]) -> None:
    assert run() == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert "no event is stored in" in said.err
    assert run("--json") == 0
    assert json.loads(capsys.readouterr().out)["events"] == []


def test_each_event_is_a_line_with_its_cost_and_its_author(
    store: StateFile, capsys: pytest.CaptureFixture[str]
) -> None:
    first = store.save(remembered(State("ert"), [Happened(1_700_000_000.0, "rented", "5", "machine 1001")]))
    token = "ghp_0123456789abcdef"
    store.save(remembered(first, [Happened(-60.0, "destroying", "5", f"password={token}\x1b[31m", 1.5, "ann@desk")]))
    assert run() == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["2023-11-14", "22:13:20", "UTC", "rented", "5", f"{who()}:", "machine", "1001"]
    assert "$1.50  ann@desk: password=" in lines[1]
    assert "\x1b" not in lines[1]
    assert run("-n", "1", "--json") == 0
    (one,) = json.loads(capsys.readouterr().out)["events"]
    assert (one["at"], one["what"], one["cost_usd"], one["who"]) == (None, "destroying", 1.5, "ann@desk")
    assert store.load().history[0].who == who()
