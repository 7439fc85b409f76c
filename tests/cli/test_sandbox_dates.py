"""Times of a sandbox: by its own clock in every command, and marked, so that they are not mistaken for real ones."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ert_deploy.adapters.app.dashboard_client import Listed
from ert_deploy.adapters.app.report_stage import Stage
from ert_deploy.adapters.clock import CompressedClock
from ert_deploy.adapters.state.file import StateFile
from ert_deploy.app import report
from ert_deploy.app.attention import needs_attention
from ert_deploy.app.deployment import Deployment
from ert_deploy.app.lifecycle import up
from ert_deploy.app.outcome import Outcome
from ert_deploy.app.running.keys import accepted_keys
from ert_deploy.app.status.result import Status
from ert_deploy.cli import main
from ert_deploy.cli.view.changes import changes
from ert_deploy.cli.view.links import status_lines
from ert_deploy.config import SandboxSettings
from ert_deploy.core.model.desired import Phase
from ert_deploy.core.model.errors import Busy
from ert_deploy.core.model.log.happened import Happened
from ert_deploy.core.model.log.transitions import remembered
from ert_deploy.core.model.state import Denied, State
from tests.support.fakes.deployment import on_fakes
from tests.support.fakes.loopback import world

CONFIG = """\
deployment: ert
sandbox: {world: nowhere}
launch: {image: "sandbox/ert-llm-backend:0.1.0", model: "toy:0.5m"}
offer: {max_dph: 0.60}
render: {services: [{name: dash}]}
"""
NOON = 1_700_000_000.0
SHOWN = "2023-11-14 22:13:20 sandbox time"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StateFile:
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text(CONFIG)
    return StateFile(tmp_path / ".ert" / "ert.json", "ert", CompressedClock(20.0, time.time(), NOON))


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main([*words, "-c", "mine.yaml"])
    return int(ended.value.code or 0)


def test_what_the_state_remembers(store: StateFile, capsys: pytest.CaptureFixture[str]) -> None:
    state = replace(State("ert"), denied=(Denied("1003", 9e9, "no reason", "77"),))
    store.save(remembered(state, [Happened(NOON, "rented", "5", "machine 1001")]))
    assert run("events") == 0
    assert capsys.readouterr().out.startswith(SHOWN)
    assert run("state", "show") == 0
    assert " sandbox time" in capsys.readouterr().out


def test_who_holds_the_lock(store: StateFile, capsys: pytest.CaptureFixture[str]) -> None:
    with store.lock("run-1"), pytest.raises(Busy) as busy, store.lock("run-2"):
        pytest.fail("two hold the lock")
    assert re.search(r"run run-1, since 2023-11-14 \d\d:\d\d:\d\d sandbox time$", busy.value.detail)
    for words in (("lock", "--minutes", "9"), ("show",), ("unlock", "--yes")):
        assert run("state", *words) == 0
        said = capsys.readouterr().out
        assert " UTC" not in said
        assert "sandbox time" in said


def test_the_verdict_and_what_may_still_appear() -> None:
    found = Status("ert", now=NOON, denied=(Denied("1003", NOON, "no reason", "77"),), sandbox=True)
    assert next(changes(None, found)).startswith(SHOWN)
    assert f"machine 1003 of host 77 until {SHOWN}" in "\n".join(status_lines(found, 80))
    left = needs_attention(Outcome("ert", Phase.ABSENT, changed=True, unknown_until=NOON, zone="sandbox time"))
    assert left is not None
    assert SHOWN in left.summary


def in_a_sandbox() -> tuple[Deployment, Any]:
    """Return a deployment on fakes as in a sandbox whose clock runs 60 times as fast, and that clock."""
    made = world()
    up(on_fakes(made))
    plain = on_fakes(made)
    clock = CompressedClock(60.0, time.time(), NOON)
    settings = replace(plain.settings, sandbox=SandboxSettings())

    def connector(*args: Any, **named: Any) -> Any:
        session = plain.connector(*args, **named)
        ports = replace(session.ports, clock=clock)
        return replace(session, settings=settings, ports=ports, speed=60.0)

    return replace(plain, settings=settings, connector=connector), clock


def test_the_keys() -> None:
    deployment, _ = in_a_sandbox()
    assert {key.zone for key in accepted_keys(deployment)} == {"sandbox time"}
    assert {key.zone for key in accepted_keys(on_fakes(world()))} <= {"UTC"}


def test_the_reports_of_an_app_whose_process_has_the_machine_s_clock(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    deployment, _ = in_a_sandbox()
    created = datetime.fromtimestamp(time.time() - 10, UTC).isoformat()
    rows = tuple(Listed(f"R-{at}", "AAPL", Stage("Done", "x."), "completed", at) for at in (created, "yesterday"))
    at_the_app: Callable[..., Any] = lambda *_: rows  # noqa: E731
    monkeypatch.setattr(report, "_at_the_app", at_the_app)
    first, second = report.latest(deployment)
    shown = datetime.fromisoformat(first.created).timestamp()
    assert shown == pytest.approx(NOON - 600, abs=90.0), "10 s ago are 10 min of the sandbox"
    assert second.created == "yesterday"
    assert report.latest(on_fakes(world())) == rows
    monkeypatch.setattr(report, "latest", lambda _config, **said: (replace(first, created="2023-11-14T22:13:20Z"),))
    with pytest.raises(SystemExit):
        main(["report", "list"])
    assert capsys.readouterr().out.startswith(f"{SHOWN}  AAPL")
