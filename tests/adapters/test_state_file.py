"""The state file: conditional writes, old or new content after any crash, and every flipped bit detected."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from ert_deploy.adapters.state.document import MAX_BYTES
from ert_deploy.core.model.errors import Failed, StateConflict, UsageError
from ert_deploy.core.model.plain.state import NEWEST, VERSION
from ert_deploy.core.model.state import State
from tests.support.ids import nth
from tests.support.state.shelf import FULL, store
from tests.support.unprivileged import unprivileged

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "ert.json"


# Reading and writing


def test_where_there_is_no_file_the_state_is_empty_and_nothing_is_made(path: Path) -> None:
    assert store(path).load() == State("ert")
    assert not path.parent.exists()


def test_what_was_saved_is_loaded_one_generation_higher(path: Path) -> None:
    saved = store(path).save(FULL)
    assert saved == replace(FULL, generation=1)
    assert store(path).load() == saved
    assert store(path).save(saved.drop_record(nth(5))).generation == 2


def test_only_the_user_can_read_it(path: Path) -> None:
    before = os.umask(0)
    try:
        store(path).save(FULL)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_two_writers_that_read_the_same_generation_cannot_both_win(path: Path) -> None:
    first, second = store(path), store(path)
    mine, theirs = first.load(), second.load()
    first.save(mine.intend(FULL.intents[0]))
    with pytest.raises(StateConflict, match="at generation 1, we read 0"):
        second.save(theirs.deny(FULL.denied[0], 0.0))
    assert first.load().intents == FULL.intents
    assert first.load().denied == ()


def test_many_processes_that_write_at_once_lose_no_update(path: Path) -> None:
    script = """
import sys
from pathlib import Path
from ert_deploy.adapters.clock import RealClock
from ert_deploy.adapters.state.file import StateFile
from ert_deploy.core.model.errors import StateConflict
from ert_deploy.core.model.state import Intent
store, done = StateFile(Path(sys.argv[1]), "ert", RealClock()), 0
print("ready", flush=True)
sys.stdin.readline()
while done < 25:
    try:
        store.save(store.load().intend(Intent(f"{sys.argv[2]}-{done}", 1.0, "1", "1")))
        done += 1
    except StateConflict:
        pass
"""
    with contextlib.ExitStack() as stack:
        children = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", script, str(path), str(n)],
                    cwd=ROOT,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            for n in range(3)
        ]
        for child in children:
            assert child.stdout is not None
            assert child.stdout.readline() == "ready\n"
        for child in children:
            assert child.stdin is not None
            child.stdin.write("go\n")
            child.stdin.flush()
        assert [child.wait(timeout=60) for child in children] == [0, 0, 0]
    kept = store(path).load()
    assert kept.generation == 75
    assert sorted(i.token for i in kept.intents) == sorted(f"{n}-{i}" for n in range(3) for i in range(25))


# Damage


def test_every_single_flipped_bit_is_found(path: Path) -> None:
    saved = store(path).save(FULL)
    raw = path.read_bytes()
    harmless = 0
    for position in range(len(raw) * 8):
        flipped = bytearray(raw)
        flipped[position // 8] ^= 1 << position % 8
        path.write_bytes(flipped)
        with contextlib.suppress(UsageError):
            assert store(path).load() == saved, f"bit {position} changed the state and was not found"
            harmless += 1
    assert harmless < len(raw), "flips in white space may be harmless, and nothing else"


def test_a_file_cut_anywhere_is_found(path: Path) -> None:
    store(path).save(FULL)
    raw = path.read_bytes()
    for length in range(len(raw)):
        path.write_bytes(raw[:length])
        with pytest.raises(UsageError, match="corrupt state file") as damaged:
            store(path).load()
        assert damaged.value.exit_code == 2
        assert "marks" in damaged.value.hint


@pytest.mark.parametrize(
    "content",
    [
        b"", b"null", b"[]", b"7", b'"ert-deploy state"', b"{}", b"\xff\xfe", b"{" * 100_000, b"[" * 100_000,
        b'{"format": "something else"}', b'{"format": "ert-deploy state"}',
        b'{"format": "ert-deploy state", "state": 7}',
        b'{"format": "ert-deploy state", "version": true, "sha256": null, "state": {}}', b"\0" * 512,
        b"x" * (MAX_BYTES + 1), b'{"format": "ert-deploy state", "state": NaN}', b"9" * 5000,
    ],
    ids=lambda content: content[:40].decode(errors="replace"),
)  # fmt: skip
def test_what_is_no_state_is_refused_with_a_way_out(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(UsageError, match="corrupt state file") as damaged:
        store(path).load()
    assert damaged.value.exit_code == 2
    assert "found by their marks" in damaged.value.hint
    with pytest.raises(UsageError):
        store(path).save(State("ert"))
    assert path.read_bytes() == content, "a damaged file is evidence and is not written over"


def test_a_state_that_matches_its_checksum_and_still_makes_no_sense_is_refused(path: Path) -> None:
    from ert_deploy.adapters.state import document as state_document

    body = {"version": VERSION, "deployment": "ert", "generation": "one"}
    document = {
        "format": state_document.FORMAT,
        "version": VERSION,
        "sha256": state_document.digest(body),
        "state": body,
    }
    path.parent.mkdir()
    path.write_text(json.dumps(document))
    with pytest.raises(UsageError, match="corrupt"):
        store(path).load()


def test_a_state_of_a_newer_program_is_not_called_damaged(path: Path) -> None:
    store(path).save(FULL)
    document = json.loads(path.read_text())
    path.write_text(json.dumps({**document, "version": NEWEST + 1}))
    with pytest.raises(UsageError, match="written by a newer ert-deploy") as newer:
        store(path).load()
    assert newer.value.hint == "upgrade ert-deploy"


def test_the_state_of_another_deployment_is_refused(path: Path) -> None:
    store(path).save(FULL)
    with pytest.raises(UsageError, match="holds deployment 'ert', not 'other'"):
        store(path, "other").load()


@pytest.mark.parametrize("shut", ["ert.json.lock", "ert.json.cas", "."])
def test_what_cannot_be_written_is_known_without_a_write(shut: str) -> None:
    with unprivileged() as folder:
        path = folder / "state" / "ert.json"
        assert store(path).unwritable() == ""
        assert not path.parent.exists()
        with store(path).lock("run"):
            store(path).save(FULL)
        assert store(path).unwritable() == ""
        (path.parent / shut).chmod(0o500)
        assert store(path).unwritable() == f"{path}: cannot be written: {path.parent / shut} is read-only for this user"
        path.parent.chmod(0o700)


def test_a_file_that_must_not_be_read_is_an_error_and_not_an_empty_state() -> None:
    with unprivileged() as folder:
        path = folder / "ert.json"
        store(path).save(FULL)
        path.chmod(0)
        with pytest.raises(UsageError, match="cannot be read: Permission denied"):
            store(path).load()


def test_a_folder_in_place_of_the_file_is_an_error_and_not_an_empty_state(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(UsageError, match="cannot be read: Is a directory"):
        store(path).load()


def test_a_link_that_leads_nowhere_or_round_in_circles_is_no_crash(path: Path) -> None:
    path.parent.mkdir()
    path.symlink_to(path)
    with pytest.raises(UsageError, match="cannot be read"):
        store(path).load()


# After a crash


def test_a_temporary_file_left_by_a_crash_changes_nothing_whatever_is_in_it(path: Path) -> None:
    old = store(path).save(FULL)
    new = store(path).save(old.drop_record(nth(5)))
    written = path.read_bytes()
    path.unlink()
    old = store(path).save(FULL)
    temporary = path.with_name("ert.json.tmp")
    for length in range(len(written) + 1):
        temporary.write_bytes(written[:length])
        assert store(path).load() == old
    temporary.replace(path)
    assert store(path).load() == new
    temporary.write_bytes(b"half")
    assert store(path).save(new).generation == 3
    assert not temporary.exists()


def test_a_writer_killed_at_any_system_call_leaves_the_old_or_the_new_state(path: Path) -> None:
    """Each run is killed at the n-th file operation of its save; the audit hook counts them all."""
    script = """
import os, signal, sys
from pathlib import Path
from ert_deploy.adapters.clock import RealClock
from ert_deploy.adapters.state.file import StateFile
store = StateFile(Path(sys.argv[1]), "ert", RealClock())
state, left = store.load(), [int(sys.argv[2])]
def hook(event, args):
    if event in ("open", "os.rename", "fcntl.flock", "os.mkdir"):
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(hook)
store.save(state.deny(state.denied[0], 0.0))
"""
    ends = []
    for calls in range(1, 30):
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        old = store(path).save(FULL)
        child = subprocess.run([sys.executable, "-c", script, str(path), str(calls)], cwd=ROOT, check=False)
        found = store(path).load()
        assert found.generation in (old.generation, old.generation + 1)
        ends.append(child.returncode)
        if child.returncode == 0:
            break
    assert ends[:-1] == [-signal.SIGKILL] * (len(ends) - 1)
    assert len(ends) > 5
    assert found.generation == 2


def test_where_it_cannot_be_written_it_fails_before_the_effect_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(Failed, match="cannot be written") as failed:
        store(tmp_path / "file" / "ert.json").save(State("ert"))
    assert "stopped before its next step" in failed.value.hint


def test_a_full_disk_keeps_the_old_state(path: Path) -> None:
    old = store(path).save(FULL)
    script = """
import resource, signal, sys
from pathlib import Path
from ert_deploy.adapters.clock import RealClock
from ert_deploy.adapters.state.file import StateFile
from ert_deploy.core.model.errors import Failed
store = StateFile(Path(sys.argv[1]), "ert", RealClock())
state = store.load()
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))
try:
    store.save(state)
except Failed as error:
    print(error.summary, "|", error.hint)
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert "cannot be written: File too large" in done.stdout
    assert "free space" in done.stdout
    assert store(path).load() == old
    assert store(path).save(old).generation == 2
