"""`cost advise`: the history of a deployment on several policies, as a table and as JSON; a short one is an error."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from ert_deploy.adapters.clock import RealClock
from ert_deploy.adapters.state.file import StateFile
from ert_deploy.app.idle.advise import Advised, advise_idle
from ert_deploy.cli.commands.idle.advise import command
from ert_deploy.core.model.errors import Failed, UsageError
from ert_deploy.core.model.log.happened import Happened
from ert_deploy.core.model.log.transitions import remembered
from ert_deploy.core.model.state import State
from tests.cli.test_terminals import Terminal

CONFIG = """\
deployment: ert
launch: {{image: "ghcr.io/someone/ert-llm-backend:0.1.0", model: "gpt-oss:20b", guard: {{idle_stop: {idle_stop}}}}}
offer: {{max_dph: 0.60}}
render: {{services: [{{name: dash}}]}}
"""
DAY, HOUR = 86400.0, 3600.0
MONDAY = 1_767_571_200.0  # 2026-01-05
USED = [MONDAY + day * DAY + hour * HOUR for day in range(19) if day % 7 < 5 for hour in (9.0, 13.0)]


def history(days: int) -> list[Happened]:
    """Return a rental, and on each day a start in the morning; its guard stopped it in between."""
    begun = [Happened(MONDAY, "rented", "5"), Happened(MONDAY + 900, "ready", "5", cost=0.1)]
    for day in range(1, days):
        at = MONDAY + day * DAY + 9 * HOUR
        begun += [Happened(at, "started", "5"), Happened(at + 200, "proven", why="dash: the app runs with it")]
    return begun


def placed(tmp_path: Path, events: Sequence[Happened], idle_stop: str = "4h") -> None:
    (tmp_path / "mine.yaml").write_text(CONFIG.format(idle_stop=idle_stop))
    StateFile(tmp_path / ".ert" / "ert.json", "ert", RealClock()).save(remembered(State("ert"), events))


@pytest.fixture
def deployed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    placed(tmp_path, history(20))
    (tmp_path / "used.txt").write_text("\n".join(f"{at:.3f}" for at in reversed(USED)) + "\n\n")
    return tmp_path


def test_the_history_gives_times_prices_and_durations(deployed: Path) -> None:
    found = advise_idle("mine.yaml")
    assert (found.own, found.idle_stop, found.zone) == (True, 14400, "UTC")
    assert found.advice.requests == 20
    assert found.assumed == ()
    prices = found.advice.prices
    assert (prices.kept, prices.anew) == (200.0, 900.0)
    assert prices.gpu == pytest.approx(0.4)
    assert prices.taken.limit < 0.2, "19 starts, and none was refused"
    assert prices.wait_price == 0.05
    assert [row.name for row in found.advice.rows] == ["now", "break-even", "learned"]
    assert min(row.numbers.idle_stop for row in found.advice.rows) == 14400.0, "nothing is known of an earlier stop"


def test_a_file_of_requests_allows_advice_on_an_earlier_stop_and_on_starts_in_advance(deployed: Path) -> None:
    plain = advise_idle("mine.yaml", requests=Path("used.txt"))
    assert (plain.own, plain.advice.requests) == (False, len(USED))
    assert plain.advice.chosen.name != "now"
    assert 60 <= plain.advice.idle_stop < 7200
    early = advise_idle("mine.yaml", requests=Path("used.txt"), budget=2.0)
    assert early.advice.chosen.name == "started early"
    assert early.advice.chosen.total < plain.advice.chosen.total
    free = advise_idle("mine.yaml", requests=Path("used.txt"), wait_price=0.0)
    assert free.advice.idle_stop < plain.advice.idle_stop, "where a wait counts for nothing it stops at once"
    config = deployed / "mine.yaml"
    config.write_text(f"{config.read_text()}policy: {{wait_price: 0}}\n")
    assert advise_idle("mine.yaml", requests=Path("used.txt")).advice == free.advice


def test_too_little_history_is_refused_with_what_would_be_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    placed(tmp_path, history(2))
    with pytest.raises(Failed, match=r"2 requests in 1\.4 days are known, and advice needs 8 in 3") as refused:
        advise_idle("mine.yaml")
    assert "--requests FILE" in refused.value.hint


def test_a_machine_that_never_stops_has_no_history_of_its_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    placed(tmp_path, history(20), "0")
    with pytest.raises(Failed, match="idle_stop is 0"):
        advise_idle("mine.yaml")
    (tmp_path / "used.txt").write_text("\n".join(map(str, USED)))
    assert advise_idle("mine.yaml", requests=Path("used.txt")).advice.rows[0].numbers.idle_stop == float("inf")


@pytest.mark.parametrize("line", ["yesterday", "nan", "-1", "1e12"])
def test_a_file_with_anything_but_times_is_refused_with_its_line(deployed: Path, line: str) -> None:
    (deployed / "odd.txt").write_text(f"{MONDAY}\n\n{line}\n")
    with pytest.raises(UsageError, match=r"odd\.txt, line 3: not a Unix time"):
        advise_idle("mine.yaml", requests=Path("odd.txt"))
    with pytest.raises(UsageError, match="cannot be read: FileNotFoundError"):
        advise_idle("mine.yaml", requests=Path("none.txt"))


def said(monkeypatch: pytest.MonkeyPatch, columns: int, *words: str) -> list[str]:
    monkeypatch.setenv("COLUMNS", str(columns))
    shown = Terminal("utf-8")
    monkeypatch.setattr(sys, "stdout", shown)
    command.main(["-c", "mine.yaml", *words], standalone_mode=False)
    return shown.written.getvalue().decode().splitlines()


@pytest.mark.parametrize("columns", [80, 120])
def test_the_table_fits_the_terminal_and_names_what_to_set(
    columns: int, deployed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = said(monkeypatch, columns, "--requests", "used.txt", "--budget", "2")
    assert max(map(len, lines)) <= columns
    text = "\n".join(lines)
    assert "recommended: started early" in text
    assert "launch/guard/idle_stop: " in text
    assert "(now 240m)" in text
    assert ("destroyed after" in text) is (columns == 120)
    assert "ready on Monday at 08:45 UTC" in text or "ready on Monday at 09:00 UTC" in text
    assert "unknown" not in text
    own = "\n".join(said(monkeypatch, columns))
    assert max(map(len, own.splitlines())) <= columns
    assert "20 starts in" in own
    assert "(as it is)" in own
    assert "unknown   what an earlier stop would save" in own


def test_the_document_has_every_figure(deployed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found: Advised = advise_idle("mine.yaml", requests=Path("used.txt"), budget=2.0)
    document = json.loads("\n".join(said(monkeypatch, 80, "--requests", "used.txt", "--budget", "2", "--json")))
    assert document["requests"] == len(USED)
    assert document["recommended"]["idle_stop"] == found.advice.idle_stop
    assert document["recommended"]["ready_at"] == pytest.approx(found.advice.rows[-1].numbers.warm.ready)  # type: ignore[union-attr]
    assert [row["policy"] for row in document["policies"]] == [row.name for row in found.advice.rows]
    assert document["policies"][0]["destroy_after_asleep"] is None, "never"
    for shown, row in zip(document["policies"], found.advice.rows, strict=True):
        assert shown["usd_per_day_with_waits"] == pytest.approx(row.total, abs=1e-3)
        assert shown["usd_per_day"] < shown["usd_per_day_with_waits"]
