"""Widths: what the commands print at 80, 120 and 200 columns is broken at spaces and uses the width that is there."""

from __future__ import annotations

import re
import sys
from dataclasses import replace

import pytest

from ert_deploy.app import lifecycle, offers
from ert_deploy.app.offers import Offers
from ert_deploy.app.preview import preview
from ert_deploy.app.running.events import Events, Happened
from ert_deploy.app.status.result import Status
from ert_deploy.cli import main
from ert_deploy.cli.streams import guarded, say_error
from ert_deploy.cli.view.links import status_lines
from ert_deploy.cli.view.offer import offer_lines
from ert_deploy.cli.view.plan import plan_lines
from ert_deploy.cli.view.progress import make_view
from ert_deploy.core.launching.interval import Interval
from ert_deploy.core.ledger.spent import Spent
from ert_deploy.core.model import events
from ert_deploy.core.model.desired import Phase
from ert_deploy.core.planning.offers import choose
from ert_deploy.wiring import Session
from tests.cli.test_terminals import BACKEND, OUTCOME, Terminal
from tests.support.fakes.deployment import on_fakes
from tests.support.fakes.history import WANTED
from tests.support.fakes.loopback import world
from tests.support.fakes.market import offer
from tests.support.situations import UP


@pytest.mark.parametrize("columns", [80, 120, 200])
def test_a_permanent_line_is_broken_at_a_space(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", str(columns))
    said = Terminal("utf-8")
    monkeypatch.setattr(sys, "stderr", said)
    names = tuple(f"ERT_LLM_VARIABLE_{number}" for number in range(12))
    with guarded({}), make_view() as view:
        view.tell(events.Wrote("ert-dashboard", names, ()))
        view.note(f"the host says {' '.join(names)}")
    written = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", said.written.getvalue().decode())
    rows = [row.split("\r")[-1] for row in written.split("\n") if "ERT_LLM" in row]
    assert len(rows) > 2
    assert max(map(len, rows)) <= columns
    words = {word.strip(",") for row in rows for word in row.split()}
    assert set(names) <= words, "no name is torn"
    assert [row for row in rows if row.startswith("    ERT_LLM")], "it goes on under itself"


@pytest.mark.parametrize("columns", [80, 120, 200])
def test_the_table_of_offers_uses_the_width_and_marks_what_is_cut(
    columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Offers(choose([offer(1, geolocation="California, US"), offer(2, geolocation="x" * 40)], UP), UP)
    monkeypatch.setattr(offers, "offers", lambda *_, **__: found)
    monkeypatch.setenv("COLUMNS", str(columns))
    shown = Terminal("utf-8")
    monkeypatch.setattr(sys, "stdout", shown)
    with pytest.raises(SystemExit):
        main(["offers"])
    lines = shown.written.getvalue().decode().splitlines()
    assert max(map(len, lines)) <= columns
    head, first = lines[1], next(line for line in lines if line.startswith("   1 "))
    assert len(head) == len(first)
    assert ("US California" in first) is (columns > 80)
    assert ("US Califo~" in first) is (columns == 80)
    assert any("xxx~" in line for line in lines)


def test_offers_and_plan_name_one_range_for_the_best_offer(capsys: pytest.CaptureFixture[str]) -> None:
    """What it is follows in `tests/app/test_offers_in_order.py`."""
    choice, between = choose([offer(1, dph_total=0.2), offer(2, dph_total=0.3)], UP), Interval(0.125, 0.375, 0.84)
    wanted = [line for line in offer_lines(choice.ranked[0], UP.plan_hours, between) if "between" in line]
    assert len(wanted) == 1
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(offers, "offers", lambda *_, **__: Offers(choice, UP, between=between))
        with pytest.raises(SystemExit):
            main(["offers"])
    assert [line for line in capsys.readouterr().out.splitlines() if "between" in line] == wanted


@pytest.mark.parametrize("columns", [80, 120, 200])
def test_what_is_asleep_fits_the_terminal(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    shown = Terminal("utf-8")
    monkeypatch.setattr(sys, "stdout", shown)
    asleep = replace(OUTCOME, phase=Phase.ASLEEP, backends=(replace(BACKEND, asleep=True),))
    monkeypatch.setattr(lifecycle, "sleep", lambda *_, **__: asleep)
    with pytest.raises(SystemExit):
        main(["sleep", "--yes"])
    lines = shown.written.getvalue().decode().splitlines()
    assert max(map(len, lines)) <= columns
    assert "removes the disk too" in " ".join(" ".join(lines).split())


@pytest.mark.parametrize("columns", [80, 120, 200])
def test_a_plan_uses_the_width(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    made = world()
    lines = list(plan_lines(preview(Session(on_fakes(made, WANTED).settings, WANTED, made.ports), WANTED)))
    longest = max(map(len, lines))
    assert longest <= columns
    assert columns == 80 or longest > 80


@pytest.mark.parametrize("columns", [80, 120, 200])
def test_an_error_is_broken_at_spaces(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    said = Terminal("utf-8")
    monkeypatch.setattr(sys, "stderr", said)
    with guarded({}):
        say_error("word " * 50 + "end", "a-line-of-a-log" * 20, "`ert-deploy down` " * 20)
    written = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", said.written.getvalue().decode())
    error, *rest = written.splitlines()
    assert max(len(line) for line in written.splitlines() if "a-line" not in line) <= columns
    assert error.startswith("error: word word")
    assert rest[0].startswith("       word")
    assert f"  {'a-line-of-a-log' * 20}" in rest, "a line of a log stays one line"


def test_an_error_for_a_program_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    say_error("word " * 50 + "end", "", "hint " * 50 + "end")
    assert len(capsys.readouterr().err.splitlines()) == 2


@pytest.mark.parametrize("columns", [80, 120, 200])
def test_who_and_why_of_an_event_stay_together(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    shown = Terminal("utf-8")
    monkeypatch.setattr(sys, "stdout", shown)
    one = Happened(1.7e9, "ready", "27000011", "its identity and health are proven", 0.01, "ann@desk")
    monkeypatch.setattr(
        "ert_deploy.app.running.events.events",
        lambda *_, **__: Events("x", (one,), "sandbox time", (Spent(0.01, exact=True),)),
    )
    with pytest.raises(SystemExit):
        main(["events"])
    lines = shown.written.getvalue().decode().splitlines()
    assert max(map(len, lines)) <= columns
    assert lines[-1].endswith("ann@desk: its identity and health are proven")
    assert len(lines) == (2 if columns == 80 else 1)


def test_a_sleeping_backend_is_not_said_to_get_an_address_soon() -> None:
    asleep = Status("ert", backends=(replace(BACKEND, asleep=True, url=""), replace(BACKEND, url="")))
    lines = [line.strip() for line in status_lines(asleep, 120) if line.strip().startswith("backend")]
    assert lines == [
        "backend  no address while it sleeps (instance 27000011)",
        "backend  no address yet (instance 27000011)",
    ]
