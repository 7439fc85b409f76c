"""The directory of a state file: files planted by a cloned repository, other users of the machine, and every umask."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ert_deploy.adapters import private
from ert_deploy.adapters.state import file as state_file
from ert_deploy.adapters.state import file_lock
from ert_deploy.adapters.state.file import StateFile
from ert_deploy.core.model.errors import Busy, Damaged, ErtError, Failed, UsageError
from ert_deploy.core.model.state import State
from tests.support.fakes.loopback import FakeClock
from tests.support.state.shelf import store

EMPTY = State("ert")
PROFILE = "export PATH=$PATH:~/bin\n"
ELSE = 12345  # the id of another user


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the state directory of a project, as a clone may contain it."""
    made = tmp_path / "project" / ".ert"
    made.mkdir(parents=True, mode=0o755)
    return made


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    """Return an unrelated file of the user."""
    path = tmp_path / ".bashrc"
    path.write_text(PROFILE)
    path.chmod(0o644)
    return path


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


@contextmanager
def umask(value: int) -> Iterator[None]:
    before = os.umask(value)
    try:
        yield
    finally:
        os.umask(before)


def use(kept: StateFile) -> None:
    """Perform every operation of a command on a state and its lock."""
    for act in (
        kept.load,
        kept.set_aside,
        lambda: kept.save(EMPTY),
        lambda: kept.hold("r", 60),
        kept.holder,
        kept.unlock,
    ):
        try:
            act()
        except ErtError as error:
            assert error.exit_code in (1, 2)  # noqa: PT017, every one of them may be rejected
    try:
        with kept.lock("run-1"):
            pass
    except ErtError as error:
        assert error.exit_code in (1, 2, 3)  # noqa: PT017


# Links


@pytest.mark.parametrize("name", ["ert.json", "ert.json.lock", "ert.json.cas", "ert.json.tmp", ".gitignore"])
@pytest.mark.parametrize("hard", [False, True])
def test_a_planted_link_changes_nothing_where_it_leads(folder: Path, profile: Path, name: str, hard: bool) -> None:
    planted = folder / name
    planted.hardlink_to(profile) if hard else planted.symlink_to(profile)
    use(store(folder / "ert.json"))
    assert profile.read_text() == PROFILE
    assert mode(profile) == 0o644
    assert {p.name for p in profile.parent.iterdir()} <= {"project", ".bashrc", ".bashrc.cas", ".bashrc.lock"}


@pytest.mark.parametrize("name", ["ert.json.lock", "ert.json.cas"])
def test_a_link_in_place_of_a_lock_is_named(folder: Path, profile: Path, name: str) -> None:
    (folder / name).symlink_to(profile)
    kept = store(folder / "ert.json")
    with pytest.raises(Failed, match=f"{name} is a symbolic link"):
        kept.hold("run-1", 60) if name.endswith("lock") else kept.save(EMPTY)


def test_a_planted_link_to_what_is_not_there_begins_nothing(folder: Path, tmp_path: Path) -> None:
    (folder / "ert.json").symlink_to(tmp_path / ".bash_login")
    kept = store(folder / "ert.json")
    for act in (kept.load, lambda: kept.save(EMPTY), kept.set_aside):
        with pytest.raises(
            UsageError, match=r"is a link to .*bash_login, which does not exist and is no \.json"
        ) as refused:
            act()
        assert "repository" in refused.value.hint
    assert [p.name for p in tmp_path.iterdir()] == ["project"]


def test_a_link_to_a_state_of_ours_is_followed_and_one_to_a_damaged_one_can_be_set_aside(
    folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "kept").mkdir()
    real = tmp_path / "kept" / "state-of-mine"
    store(real).save(EMPTY)
    (folder / "ert.json").symlink_to(real)
    kept = store(folder / "ert.json")
    assert kept.save(kept.load()).generation == 2
    real.write_bytes(real.read_bytes()[:-20])
    with pytest.raises(Damaged):
        kept.load()
    assert Path(kept.set_aside()).parent == real.parent


def test_a_pipe_in_place_of_the_lock_keeps_nobody_waiting(folder: Path) -> None:
    os.mkfifo(folder / "ert.json.lock")
    with pytest.raises(Failed, match="not a regular file"):
        store(folder / "ert.json").hold("run-1", 60)


# Modes


@pytest.mark.parametrize("value", [0o000, 0o002, 0o022, 0o077, 0o277, 0o777])
def test_every_file_is_private_under_any_umask(tmp_path: Path, value: int) -> None:
    with umask(value):
        kept = store(tmp_path / "a" / ".ert" / "ert.json")
        kept.save(kept.save(EMPTY))
        kept.hold("run-1", 60)
    modes = {path.name: mode(path) for path in (tmp_path / "a").rglob("*")}
    assert modes == {".ert": 0o700} | dict.fromkeys([".gitignore", "ert.json", "ert.json.cas", "ert.json.lock"], 0o600)
    assert mode(tmp_path / "a") == 0o700
    assert (tmp_path / "a" / ".ert" / ".gitignore").read_text() == "*\n"


def test_files_of_an_older_release_are_tightened(folder: Path) -> None:
    for name in ("ert.json.lock", "ert.json.cas"):
        (folder / name).touch(0o644)
    kept = store(folder / "ert.json")
    kept.save(EMPTY)
    kept.hold("run-1", 60)
    assert {mode(path) for path in folder.iterdir()} == {0o600}


def test_somebodys_own_gitignore_is_left_alone(folder: Path) -> None:
    (folder / ".gitignore").write_text("mine\n")
    store(folder / "ert.json").save(EMPTY)
    assert (folder / ".gitignore").read_text() == "mine\n"


def test_a_folder_of_another_name_gets_no_gitignore(tmp_path: Path) -> None:
    store(tmp_path / "states" / "ert.json").save(EMPTY)
    assert not (tmp_path / "states" / ".gitignore").exists()


@pytest.mark.parametrize("act", ["load", "save", "hold"])
def test_a_folder_of_our_own_that_others_may_write_is_tightened_with_a_notice(folder: Path, act: str) -> None:
    folder.chmod(0o775)
    told: list[str] = []
    kept = StateFile(folder / "ert.json", "ert", FakeClock(), notice=told.append)
    acts: dict[str, Callable[[], object]] = {
        "load": kept.load,
        "save": lambda: kept.save(EMPTY),
        "hold": lambda: kept.hold("run-1", 60),
    }
    acts[act]()
    assert mode(folder) == 0o755
    assert told == [f"{folder}: others may no longer write this folder (mode 0755)"]
    kept.load()
    assert len(told) == 1


def test_a_state_that_others_may_write_is_tightened_with_a_notice(folder: Path) -> None:
    told: list[str] = []
    kept = StateFile(folder / "ert.json", "ert", FakeClock(), notice=told.append)
    saved = kept.save(EMPTY)
    (folder / "ert.json").chmod(0o666)
    assert kept.load() == saved
    assert mode(folder / "ert.json") == 0o600
    assert len(told) == 1


def test_a_folder_that_others_may_write_and_we_cannot_tighten_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.chmod(0o1777)  # like /tmp
    kept = store(folder / "ert.json")
    for act in (kept.load, lambda: kept.save(EMPTY), lambda: kept.hold("run-1", 60)):
        with pytest.raises(UsageError, match="others may write this folder"):
            act()
    assert list(folder.iterdir()) == []
    folder.chmod(0o775)
    monkeypatch.setattr(Path, "chmod", lambda *_: None)  # a file system without permission bits
    with pytest.raises(UsageError, match="others may write this folder") as refused:
        kept.load()
    assert "chmod go-w" in refused.value.hint


def give_away(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Change the owner to another user; without root, change the user of this process instead."""
    if os.geteuid() == 0:
        os.chown(path, ELSE, ELSE)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: ELSE)


def test_a_folder_of_another_user_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    give_away(folder, monkeypatch)
    kept = store(folder / "ert.json")
    for act in (kept.load, lambda: kept.save(EMPTY)):
        with pytest.raises(UsageError, match="belongs to another user"):
            act()


@pytest.mark.parametrize("name", ["ert.json", "ert.json.lock", "ert.json.cas"])
def test_a_file_of_another_user_is_refused(folder: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = store(folder / "ert.json")
    kept.save(EMPTY)
    kept.hold("run-1", 0)
    give_away(folder / name, monkeypatch)
    with pytest.raises(ErtError, match="belongs to another user"):
        kept.hold("run-2", 1) if name.endswith("lock") else kept.save(kept.load())


# Locks of another process

HOLD = """
import fcntl, os, sys
file = os.open(sys.argv[1], os.O_RDONLY)
fcntl.flock(file, fcntl.LOCK_SH)
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold the lock in another process, for which read access is sufficient."""
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        try:
            yield
        finally:
            child.send_signal(signal.SIGKILL)


def test_who_holds_the_lock_of_the_writes_keeps_nobody_waiting_for_ever(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_file, "WRITE_SECONDS", 0.3)
    kept = store(folder / "ert.json")
    saved = kept.save(EMPTY)
    with held(folder / "ert.json.cas"):
        began = time.monotonic()
        for act in (lambda: kept.save(saved), kept.set_aside):
            with pytest.raises(Failed, match="is held for") as refused:
                act()
            assert "fuser" in refused.value.hint
        assert time.monotonic() - began < 30
        assert kept.load() == saved
    assert kept.save(saved).generation == 2


@pytest.mark.parametrize("left", [b"", b"nonsense", None])
def test_who_holds_the_courtesy_lock_without_a_word_is_no_run(
    folder: Path, monkeypatch: pytest.MonkeyPatch, left: bytes | None
) -> None:
    """`down` continues without a lock that fails, but not without one that a run of the deployment has."""
    monkeypatch.setattr(file_lock, "NAME_SECONDS", 0.2)
    kept = store(folder / "ert.json")
    kept.hold("run-1", 0)
    path = folder / "ert.json.lock"
    if left is None:  # the id of a killed run remains in the lock
        dead = subprocess.Popen([sys.executable, "-c", ""])
        dead.wait()
        text = path.read_text().replace('"pid": 0', f'"pid": {dead.pid}')
        assert str(dead.pid) in text
        left = text.encode()
    path.write_bytes(left)
    with held(path):
        with pytest.raises(Failed, match="the holder is not ert-deploy"), kept.lock("run-2"):
            pytest.fail("it is held")
        found = kept.holder()
        assert found is not None
        assert found.who == "somebody"
    with kept.lock("run-3"), pytest.raises(Busy), store(folder / "ert.json").lock("run-4"):
        pytest.fail("a run of ours holds it")


def test_a_lock_that_is_given_back_in_time_is_taken(folder: Path) -> None:
    path = folder / "a.lock"
    with private.open_private(path) as file, held(path):
        assert not private.lock_within(file, 0.1)
    with private.open_private(path) as file:
        assert private.lock_within(file, 0.0)
