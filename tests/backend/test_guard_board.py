"""The memory that guard and app share: inheritance by processes, and the handling of an old value."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from ert_backend.base.activity import Activity, Ledger, read_activity
from ert_backend.base.board import HALF, VARIABLE, Board, Half
from ert_backend.base.clock import boot_seconds
from ert_backend.guard.off_switch import AGAIN, LONGEST_STEP, TICK
from ert_backend.guard.view import SILENT
from ert_backend.settings import load
from tests.backend.test_guard_process import PACKAGE
from tests.support.backend.guarded import Machine, settings_for
from tests.support.backend.rig import ENV
from tests.support.doubles.vast_self_api import FakeVast

CHILD = """
import os, sys
sys.path.insert(0, sys.argv[1])
from ert_backend.base.board import Board, Half
board = Board.inherited(os.environ["ERT_BOARD"])
board.write(Half.APP, {"heard": board.read(Half.GUARD)["said"], "kept": os.get_inheritable(board.descriptor)})
"""


def test_a_child_that_inherits_it_reads_and_writes_it(tmp_path: Path) -> None:
    board = Board.create(tmp_path)
    assert board.shared
    board.write(Half.GUARD, {"said": 7})
    env = {**os.environ, VARIABLE: str(board.descriptor)}
    command = [sys.executable, "-c", CHILD, str(PACKAGE)]
    subprocess.run(command, env=env, pass_fds=(board.descriptor,), check=True, timeout=20)
    assert board.read(Half.APP) == {"heard": 7, "kept": False}
    assert list(tmp_path.iterdir()) == [], "it has no name that another could open"


def test_where_there_are_no_files_in_memory_it_is_an_unnamed_one_on_a_disk_that_takes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "memfd_create", raising=False)
    board = Board.create(tmp_path / "missing", tmp_path)
    assert board.shared
    board.write(Half.APP, {"a": 1})
    assert board.read(Half.APP) == {"a": 1}
    assert list(tmp_path.iterdir()) == []
    assert not Board.create(tmp_path / "missing").shared


@pytest.mark.parametrize("given", ["", "x", "-1", "99999", "9" * 40])
def test_without_a_descriptor_it_is_the_process_own(given: str) -> None:
    board = Board.inherited(given)
    assert not board.shared
    board.write(Half.APP, {"a": 1})
    assert board.read(Half.APP) == {"a": 1}
    assert board.read(Half.GUARD) is None


def test_the_app_takes_the_descriptor_from_its_environment() -> None:
    assert load({**ENV, VARIABLE: "7"}).board == "7"
    assert load(ENV).board == ""


def test_a_reader_never_sees_half_a_word(tmp_path: Path) -> None:
    board = Board.create(tmp_path)
    over = threading.Event()

    def write() -> None:
        count = 0
        while not over.is_set():
            count += 1
            board.write(Half.APP, {"a": count, "pad": "x" * (count % 700), "b": count})
            over.wait(0.0005)  # thousands of times as often as the app writes

    board.write(Half.APP, {"a": 0, "pad": "", "b": 0})
    writer = threading.Thread(target=write)
    writer.start()
    try:
        words = [board.read(Half.APP) for _ in range(3000)]
    finally:
        over.set()
        writer.join()
    assert all(word["a"] == word["b"] for word in words if word is not None)
    assert sum(word is not None for word in words) > 2900


def test_a_word_that_does_not_fit_is_no_word_and_the_longest_of_ours_fits() -> None:
    board = Board()
    with pytest.raises(ValueError, match="does not fit"):
        board.write(Half.APP, {"a": "x" * HALF})
    full = [1e18 / 3] * 5
    ledger = Ledger(board, "f" * 64, "t", Path("/nowhere"))
    ledger._set(pid=2**31, claimed_at=full[0], ready_at=full[1], work_at=full[2], engine_owes=full[3])
    assert read_activity(board, "f" * 64) == ledger.record


@pytest.mark.parametrize(
    "word", [{"run": "r"}, {"run": "r", "pid": 1, "extra": 2}, {"run": "other"}, {"run": "r", "pid": "one"}]
)
def test_a_word_of_another_kind_or_run_is_none(word: dict[str, object]) -> None:
    board = Board()
    board.write(Half.APP, {**{name: None for name in Activity.__slots__}, **word} if len(word) > 1 else word)
    assert read_activity(board, "r") is None


def test_a_report_in_flight_holds_the_machine_whatever_folder_is_full(tmp_path: Path) -> None:
    """The value is written to shared memory, so that no folder of the machine is involved."""
    full = tmp_path / "full"
    full.mkdir(mode=0o500)
    with FakeVast() as vast:
        machine = Machine(settings_for(full, vast.url, ERT_BOOT_DEADLINE="0"), age=1300)
        assert machine.ledger.begin()
        assert machine.switch.tick() == TICK
        assert vast.calls == []


def test_an_app_that_lives_and_says_nothing_may_be_writing_but_not_for_ever(tmp_path: Path) -> None:
    with FakeVast() as vast:
        machine = Machine(settings_for(tmp_path, vast.url, ERT_BOOT_DEADLINE="0"), age=90_000)
        machine.record(at=boot_seconds() - SILENT - 1, claimed_at=0.0, ready_at=0.0)
        assert machine.switch.tick() == TICK
        assert "is silent" in machine.said[0]
        assert vast.calls == []
        machine.switch.held = dict.fromkeys(machine.switch.held, 600.0)
        assert machine.switch.tick() == AGAIN
        assert len(vast.calls) == 1


def test_the_wait_for_a_report_counts_no_time_that_the_machine_slept_through(tmp_path: Path) -> None:
    with FakeVast() as vast:
        machine = Machine(settings_for(tmp_path, vast.url, ERT_BOOT_DEADLINE="0"), age=1300)
        machine.record(claimed_at=0.0, ready_at=0.0, work_at=0.0, in_flight=1)
        for ticks in range(10):
            assert machine.switch.tick() == TICK
            assert max(machine.switch.held.values()) <= ticks * LONGEST_STEP
            machine.switch.clock = type(machine.switch.clock)(1000.0, machine.switch.clock.origin - 3.6)
        assert vast.calls == []
