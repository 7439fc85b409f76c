"""The lock of the state file: one run at a time, its id, and its release when the process exits."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ert_deploy.adapters.state import file_lock
from ert_deploy.core.model.errors import Busy, ErtError, Failed
from tests.support.state.shelf import FULL, store

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "ert.json"


def test_the_second_holder_is_told_who_the_first_one_is(path: Path) -> None:
    with store(path).lock("run-1"):
        with pytest.raises(Busy, match="another run works on ert") as busy, store(path).lock("run-2"):
            pytest.fail("two hold the lock")
        assert f"process {os.getpid()}, run run-1" in busy.value.detail
        assert busy.value.exit_code == 3
    with store(path).lock("run-3"):
        pass


def test_the_lock_is_left_when_the_run_fails(path: Path) -> None:
    with contextlib.suppress(ErtError), store(path).lock("run-1"):
        raise Failed("it did not work")
    with store(path).lock("run-2"):
        pass


def test_the_lock_does_not_keep_anybody_from_reading_or_writing(path: Path) -> None:
    with store(path).lock("run-1"):
        assert store(path).save(FULL).generation == 1
        assert store(path).load().generation == 1


@contextlib.contextmanager
def holder(path: Path) -> Iterator[subprocess.Popen[str]]:
    script = """
import sys, time
from pathlib import Path
from ert_deploy.adapters.clock import RealClock
from ert_deploy.adapters.state.file import StateFile
with StateFile(Path(sys.argv[1]), "ert", RealClock()).lock("run-of-another-process"):
    print("held", flush=True)
    sys.stdin.read()
"""
    child = subprocess.Popen(
        [sys.executable, "-c", script, str(path)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        try:
            yield child
        finally:
            child.kill()
            child.wait()


def test_the_lock_of_another_process_falls_when_that_process_is_killed(path: Path) -> None:
    with holder(path) as child:
        with pytest.raises(Busy) as busy, store(path).lock("ours"):
            pytest.fail("two hold the lock")
        assert f"process {child.pid}, run run-of-another-process" in busy.value.detail
        child.send_signal(signal.SIGKILL)
        child.wait()
        with store(path).lock("ours"):
            pass


def test_a_lock_file_with_nonsense_in_it_still_locks(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_lock, "NAME_SECONDS", 0.2)
    with holder(path):
        path.with_name("ert.json.lock").write_text("nonsense")
        with pytest.raises(Failed, match="the holder is not ert-deploy"), store(path).lock("ours"):
            pytest.fail("two hold the lock")
        held = store(path).holder()
        assert held is not None
        assert held.who == "somebody"


def test_a_user_without_a_name_can_hold_it_too(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    with store(path).lock("run-1"):
        held = json.loads(path.with_name("ert.json.lock").read_text())
    assert held["run"] == "run-1"
    assert "@" in held["who"]


def test_where_the_lock_cannot_be_made_it_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(Failed, match="cannot be locked"), store(tmp_path / "file" / "ert.json").lock("run-1"):
        pytest.fail("it cannot be held")


def test_an_error_of_the_run_itself_is_not_taken_for_one_of_the_lock(path: Path) -> None:
    with pytest.raises(PermissionError), store(path).lock("run-1"):
        raise PermissionError("of the run")


@pytest.mark.parametrize("name", ["ert.lock", "ert.tmp", "ert.cas", "ert"])
def test_no_name_of_the_state_collides_with_the_files_beside_it(tmp_path: Path, name: str) -> None:
    odd = store(tmp_path / name)
    with odd.lock("run-1"):
        saved = odd.save(FULL)
        assert odd.load() == saved
    assert odd.load() == saved
