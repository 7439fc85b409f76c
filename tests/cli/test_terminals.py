"""Terminals: legacy code pages, widths from 80 to 200 columns, light backgrounds, no color."""

from __future__ import annotations

import io
import re
import sys
from typing import Any

import pytest
from rich.cells import cell_len

from ert_deploy.adapters.app.dashboard_client import Listed
from ert_deploy.adapters.app.report_stage import Stage
from ert_deploy.app import offers
from ert_deploy.app.offers import Offers
from ert_deploy.app.outcome import Backend, Outcome, Service
from ert_deploy.app.running.events import Events, Happened
from ert_deploy.app.running.keys import Accepted
from ert_deploy.cli import main
from ert_deploy.cli.streams import guarded
from ert_deploy.cli.view.outcome import show_backend
from ert_deploy.cli.view.progress import STYLES, LiveView, make_view
from ert_deploy.core.model import events
from ert_deploy.core.model.desired import Phase
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.planning.offers import choose
from tests.support.fakes.market import offer
from tests.support.situations import UP

BACKEND = Backend(
    InstanceId("27000011"), "https://203.0.113.200:25801", "RTX PRO 6000 Blackwell Server Edition",
    "Baden-Württemberg, DE", "40464", 0.1485, 0.01, False, "running", "healthy", "", "gpt-oss:20b", "ollama 0.35.0",
    "proven", "13d9b61d" * 8, 1.0,
)  # fmt: skip
OUTCOME = Outcome(
    "ert", Phase.RUNNING, changed=True, backends=(BACKEND,), idle_stop=7200,
    services=(Service("srv-1", "ert-dashboard", "https://a-name.onrender.com", "a391f5fe46ec9166", (), ""),),
)  # fmt: skip


class Terminal(io.TextIOWrapper):
    """A terminal of some code page that keeps what is written to it."""

    def __init__(self, encoding: str) -> None:
        self.written = io.BytesIO()
        super().__init__(self.written, encoding=encoding, write_through=True)

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("encoding", ["cp1251", "cp437", "cp1252", "ascii", "koi8-r", "utf-8"])
def test_a_place_that_the_code_page_lacks_ends_no_command(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    place = "Łódź Voivodeship, PL"
    found = Offers(choose([offer(1, geolocation=place)], UP), UP)
    monkeypatch.setattr(offers, "offers", lambda *_, **__: found)
    shown, said = Terminal(encoding), Terminal(encoding)
    monkeypatch.setattr(sys, "stdout", shown)
    monkeypatch.setattr(sys, "stderr", said)
    with pytest.raises(SystemExit) as ended:
        main(["offers"])
    assert not ended.value.code
    text = shown.written.getvalue().decode(encoding)
    assert "Voivodeship, PL" in text
    assert "unforeseen" not in said.written.getvalue().decode(encoding)


@pytest.mark.parametrize(("encoding", "frames"), [("cp1251", "|/-\\"), ("ascii", "|/-\\"), ("utf-8", "⠋⠙")])
def test_the_spinner_is_made_of_what_the_terminal_has(
    encoding: str, frames: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    said = Terminal(encoding)
    monkeypatch.setattr(sys, "stderr", said)
    with guarded({}), make_view() as view:
        assert isinstance(view, LiveView)
        view.tell(events.Waiting("the stop of instance 7", 3))
        view.tell(events.Trouble("nothing", "ü"))
    text = said.written.getvalue().decode(encoding)
    assert "\\u28" not in text
    assert any(frame in text for frame in frames)


def test_the_live_line_names_the_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    said = Terminal("utf-8")
    monkeypatch.setattr(sys, "stderr", said)
    with guarded({}), make_view("waiting for the report") as view:
        view.note("Writing 1 of 5: Executive summary.")
    text = said.written.getvalue().decode()
    assert "waiting for the report" in text
    assert "looking around" not in text


@pytest.mark.parametrize("columns", [80, 100, 120, 200])
def test_a_screen_fits_the_terminal(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    shown = Terminal("utf-8")
    monkeypatch.setattr(sys, "stdout", shown)
    show_backend(OUTCOME)
    lines = shown.written.getvalue().decode().splitlines()
    assert max(map(len, lines)) <= columns
    assert all(line.startswith(("ert is up", "  ")) for line in lines)
    assert " ".join(" ".join(lines).split()).endswith("`ert-deploy down` destroys every instance")


def test_a_program_reads_each_row_in_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    show_backend(OUTCOME)
    assert len(capsys.readouterr().out.splitlines()) == 6


def painted(monkeypatch: pytest.MonkeyPatch, event: Any) -> str:
    monkeypatch.setenv("TERM", "xterm-256color")
    said = Terminal("utf-8")
    monkeypatch.setattr(sys, "stderr", said)
    with guarded({}), make_view() as view:
        view.tell(event)
        view.note("a note")
    return said.written.getvalue().decode()


def test_no_colour_vanishes_on_a_light_or_a_dark_background(monkeypatch: pytest.MonkeyPatch) -> None:
    """Yellow and cyan are unreadable on white, blue on black, and dim on both."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert {word for style in STYLES.values() for word in style.split()} <= {"bold", "green", "magenta", "red"}
    line = next(line for line in painted(monkeypatch, events.Trouble("x", "y")).splitlines() if "x: y" in line)
    assert "\x1b[1;35m" in line
    note = next(line for line in painted(monkeypatch, events.Trouble("x", "y")).splitlines() if "a note" in line)
    assert not re.search(r"\x1b\[[0-9;]*m[^\x1b]*a note", note)


def test_no_color_is_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    line = next(line for line in painted(monkeypatch, events.Trouble("x", "y")).splitlines() if "x: y" in line)
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]", line)


LONG = (
    "pulling the image ghcr.io/somebody-with-a-name/ert-llm-backend:0.1.0, layer 3b65ec22a9e9 of 14, 114.7MB of 4.0GB"
)


@pytest.mark.parametrize("columns", [40, 80, 120, 200])
@pytest.mark.parametrize(
    "text", ["short", LONG, LONG + LONG, "\u4e0b\u8f7d\u955c\u50cf" * 40, "a" + "\u4e0b\u8f7d" * 99]
)
def test_the_moving_line_takes_one_row(columns: int, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", str(columns))
    said = Terminal("utf-8")
    monkeypatch.setattr(sys, "stderr", said)
    with guarded({}), make_view() as view:
        view.tell(events.Waiting(text, 3))
    written = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", said.written.getvalue().decode())
    rows = [row for row in re.split(r"[\r\n]", written) if "waiting for" in row]
    assert rows
    assert max(map(cell_len, rows)) <= columns
    whole = cell_len(f"waiting for {text} (3 s)") <= columns - 2
    assert all(("(3 s)" in row) is whole and ("..." in row) is not whole for row in rows)
    assert not [
        row for row in re.split(r"[\r\n]", written) if row.strip() and "waiting" not in row and "looking" not in row
    ]


def test_without_a_terminal_the_line_is_whole(capsys: pytest.CaptureFixture[str]) -> None:
    with make_view() as view:
        view.tell(events.Waiting(LONG, 3))
    assert capsys.readouterr().err == f"waiting for {LONG} (3 s)\n"


WHY = "its identity and health are proven, by a reason that is longer than any terminal is wide " * 2
TABLES: dict[str, tuple[str, str, Any]] = {
    "events": (
        "ert_deploy.app.running.events.events", "events",
        Events("x", (Happened(1.7e9, "published", "27000011", WHY, 0.3, "ann@desk"),), "sandbox time", (None,)),
    ),
    "key list": (
        "ert_deploy.app.running.keys.accepted_keys", "key list",
        (Accepted("27000011", "0f7e53e5", 1.7e9, "a-dashboard-with-a-name", "sandbox time"),),
    ),
    "report list": (
        "ert_deploy.app.report.latest", "report list",
        (Listed("AAPL-77eece2e3992024b", "AAPL", Stage("Waiting for its turn", ""), "", "2023-11-14T22:13:20Z", "x"),),
    ),
    "sandbox break": (
        "ert_deploy.app.sandbox.troubles", "sandbox break",
        [{"name": "create_error_with_contract", "on": True, "effect": WHY}],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("columns", [80, 120, 200])
def test_a_long_row_of_a_table_goes_on_under_itself(
    name: str, columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    function, line, found = TABLES[name]
    monkeypatch.setattr(function, lambda *_, **__: found)
    monkeypatch.setenv("COLUMNS", str(columns))
    shown = Terminal("utf-8")
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", shown)
        with pytest.raises(SystemExit):
            main(line.split())
    lines = shown.written.getvalue().decode().splitlines()
    assert max(map(len, lines)) <= columns
    if name in ("events", "sandbox break"):
        assert lines[1].startswith("    "), "it goes on to the right"
    with pytest.raises(SystemExit):
        main(line.split())
    assert len(capsys.readouterr().out.splitlines()) == len(found.events if name == "events" else found) + (
        name == "sandbox break"
    ), "a program reads a row in one line"
