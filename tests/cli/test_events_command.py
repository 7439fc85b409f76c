"""`ert-deploy events`: the history in the state, as lines and as JSON, with the user who wrote it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ert_deploy.adapters.clock import RealClock
from ert_deploy.adapters.state.document import who
from ert_deploy.adapters.state.file import StateFile
from ert_deploy.adapters.state.ledger_file import LedgerFile
from ert_deploy.cli import main
from ert_deploy.core.ledger.model import Ledger, Transition
from ert_deploy.core.model.log.happened import Happened
from ert_deploy.core.model.log.transitions import remembered
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.state import State

CONFIG = """\
deployment: ert
launch: {image: "ghcr.io/someone/ert-llm-backend:0.1.0", model: "gpt-oss:20b"}
offer: {max_dph: 0.60}
render: {services: [{name: dash}]}
"""
RENTED = 1_700_000_000.0


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
    assert "  <$1.50  ann@desk: password=" in lines[1]
    assert "\x1b" not in lines[1]
    assert run("-n", "1", "--json") == 0
    (one,) = json.loads(capsys.readouterr().out)["events"]
    assert (one["at"], one["what"], one["cost_usd"], one["who"]) == (None, "destroying", 1.5, "ann@desk")
    assert store.load().history[0].who == who()


def test_a_cost_is_that_of_the_ledger_where_it_has_it(store: StateFile, capsys: pytest.CaptureFixture[str]) -> None:
    """The GPU ran for one of the three hours: the limit in the event is of a GPU that ran all the time."""
    end = RENTED + 3 * 3600.0
    events = [Happened(RENTED, "rented", "5"), Happened(end, "destroying", "5", "no longer needed", 0.63)]
    store.save(remembered(State("ert"), [*events, Happened(end, "destroying", "6", "replaced", 0.4)]))
    LedgerFile(Path(".ert") / "ert.ledger.json", "ert").save(
        Ledger("ert", 0, tuple(
            Transition("ab" * 16, InstanceId("5"), what, RENTED + hours * 3600.0, gpu, disk, amount)
            for what, hours, gpu, disk, amount in (
                ("rented", 0, 0.0, 0.01, 0.0), ("traffic", 0, 0.0, 0.0, 0.05), ("running", 1, 0.2, 0.0, 0.0),
                ("stopped", 2, 0.0, 0.0, 0.0),
            )
        ))
    )  # fmt: skip
    assert run() == 0
    first, exact, limit = capsys.readouterr().out.splitlines()
    assert "$" not in first
    assert f"  $0.280  {who()}: no longer needed" in exact
    assert f" <$0.400  {who()}: replaced" in limit
    assert run("--json") == 0
    found = json.loads(capsys.readouterr().out)["events"]
    assert [(one["cost_usd"], one["cost_exact"]) for one in found] == [(None, False), (0.28, True), (0.4, False)]


def test_without_a_ledger_that_can_be_read_the_limit_is_shown(
    store: StateFile, capsys: pytest.CaptureFixture[str]
) -> None:
    store.save(remembered(State("ert"), [Happened(RENTED, "destroying", "5", "replaced", 0.4)]))
    (Path(".ert") / "ert.ledger.json").write_text("no ledger")
    assert run() == 0
    assert "<$0.400" in capsys.readouterr().out


def test_a_stop_at_an_unknown_time_gives_the_lower_limit_of_ledger_and_event(
    store: StateFile, capsys: pytest.CaptureFixture[str]
) -> None:
    """It ran for one or two of the three hours: at most $0.43, where the event has $0.63."""
    end = RENTED + 3 * 3600.0
    store.save(remembered(State("ert"), [Happened(end, "started", "5", "", 0.63), Happened(end, "keys", "5", "", 0.2)]))
    LedgerFile(Path(".ert") / "ert.ledger.json", "ert").save(
        Ledger("ert", 0, (
            Transition("ab" * 16, InstanceId("5"), "rented", RENTED, disk=0.01),
            Transition("ab" * 16, InstanceId("5"), "running", RENTED, gpu=0.2),
            Transition("ab" * 16, InstanceId("5"), "stopped", RENTED + 7200.0, since=RENTED + 3600.0),
        ))
    )  # fmt: skip
    assert run() == 0
    assert [line.split()[5] for line in capsys.readouterr().out.splitlines()] == ["<$0.430", "<$0.200"]
