"""The state file on real disks: the order of syncs, the target of a symbolic link, and file systems without locks."""

from __future__ import annotations

import errno
import fcntl
import os
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from ert_deploy.adapters.state.file import StateFile
from ert_deploy.core.model.errors import Busy, Failed, UsageError
from ert_deploy.core.model.state import State
from tests.support.fakes.loopback import FakeClock
from tests.support.state.shelf import store

EMPTY = State("ert")


@dataclass
class Syncs:
    """Every sync: the synced file, and the content at the state's path at that time."""

    path: Path
    seen: list[tuple[str, bytes]] = field(default_factory=list)

    def __call__(self, descriptor: int) -> None:
        there = self.path.read_bytes() if self.path.exists() else b""
        self.seen.append((str(Path(f"/proc/self/fd/{descriptor}").readlink()), there))
        os.fsync(descriptor)


def synced(path: Path) -> tuple[StateFile, Syncs]:
    syncs = Syncs(path)
    return StateFile(path, "ert", FakeClock(), syncs), syncs


def test_the_file_is_synced_before_it_takes_the_old_ones_place_and_the_folder_after(tmp_path: Path) -> None:
    path = tmp_path / "ert.json"
    kept, syncs = synced(path)
    first = kept.save(EMPTY)
    old = path.read_bytes()
    syncs.seen.clear()
    kept.save(replace(first))
    new = path.read_bytes()
    assert syncs.seen == [(str(path.with_name("ert.json.tmp")), old), (str(tmp_path), new)]
    assert old != new


def test_a_folder_that_was_made_for_it_outlives_a_crash_too(tmp_path: Path) -> None:
    kept, syncs = synced(tmp_path / "a" / "b" / "ert.json")
    kept.save(EMPTY)
    places = [place for place, _ in syncs.seen]
    assert {str(tmp_path), str(tmp_path / "a")} <= set(places[:-2])
    assert places[-1] == str(tmp_path / "a" / "b")


def test_what_is_set_aside_is_synced(tmp_path: Path) -> None:
    kept, syncs = synced(tmp_path / "ert.json")
    kept.save(EMPTY)
    syncs.seen.clear()
    kept.set_aside()
    assert syncs.seen == [(str(tmp_path), b"")]


@pytest.mark.parametrize("at", [1, 2])
def test_a_disk_that_cannot_sync_is_not_taken_for_one_that_did(tmp_path: Path, at: int) -> None:
    left = [at]

    def sync(descriptor: int) -> None:
        left[0] -= 1
        if not left[0]:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        os.fsync(descriptor)

    with pytest.raises(Failed, match="cannot be written: Input/output error"):
        StateFile(tmp_path / "ert.json", "ert", FakeClock(), sync).save(EMPTY)


def test_by_default_it_is_the_systems_own_sync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert store(tmp_path / "ert.json")._sync is os.fsync


# Symbolic links


@pytest.fixture
def linked(tmp_path: Path) -> tuple[Path, Path]:
    """Return two links to one file, in separate folders."""
    (tmp_path / "shared").mkdir()
    links = tmp_path / "a" / "ert.json", tmp_path / "b" / "mine.json"
    for link in links:
        link.parent.mkdir()
        link.symlink_to(Path("..") / "shared" / "state.json")
    return links


def test_a_link_stays_a_link_and_its_file_is_written(linked: tuple[Path, Path]) -> None:
    first, second = linked
    saved = store(first).save(EMPTY)
    assert first.is_symlink()
    assert second.is_symlink()
    assert store(second).load() == saved
    store(second).save(saved)
    assert store(first).load().generation == 2
    assert [one.name for one in first.parent.iterdir()] == ["ert.json"], "nothing of ours lies next to the link"


def test_who_comes_by_another_link_meets_the_same_lock(linked: tuple[Path, Path]) -> None:
    first, second = linked
    with store(first).lock("run-1"), pytest.raises(Busy, match="another run"), store(second).lock("run-2"):
        pytest.fail("two hold it")
    store(first).hold("run-3", 60)
    holder = store(second).holder()
    assert holder is not None
    assert holder.run == "run-3"


def test_what_is_set_aside_is_the_file_and_not_the_link(linked: tuple[Path, Path]) -> None:
    first, second = linked
    saved = store(first).save(EMPTY)
    aside = store(first).set_aside()
    assert Path(aside).parent.name == "shared"
    assert first.is_symlink()
    assert [one.kind for one in store(second).history()] == ["set aside"]
    assert store(second).load() == EMPTY
    assert StateFile(Path(aside), "ert", FakeClock()).load() == saved


def test_a_chain_of_links_ends_at_the_file(linked: tuple[Path, Path], tmp_path: Path) -> None:
    chain = tmp_path / "chain.json"
    chain.symlink_to(linked[0])
    store(chain).save(EMPTY)
    assert chain.is_symlink()
    assert linked[0].is_symlink()
    assert store(linked[1]).load().generation == 1


def test_a_link_into_a_folder_that_is_not_there_is_no_empty_state(tmp_path: Path) -> None:
    link = tmp_path / "ert.json"
    link.symlink_to(tmp_path / "not-mounted" / "ert.json")
    for act in (store(link).load, lambda: store(link).save(EMPTY)):
        with pytest.raises(UsageError, match="which does not exist") as refused:
            act()
        assert "mount" in refused.value.hint
    assert not (tmp_path / "not-mounted").exists()


# Without locks


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_said_with_a_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def flock(_file: object, _how: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", flock)
    path = tmp_path / "ert.json"
    kept = store(path)
    with pytest.raises(Failed, match="cannot be locked") as refused, kept.lock("run-1"):
        pytest.fail("it cannot be held")
    assert "S3" in refused.value.hint
    for act in (lambda: kept.save(EMPTY), kept.set_aside, lambda: kept.hold("run-1", 60)):
        with pytest.raises(Failed) as refused:
            act()
        assert "S3" in refused.value.hint
    path.with_name("ert.json.lock").touch()
    for look in (kept.holder, kept.unlock):
        with pytest.raises(Failed, match="cannot be locked"):
            look()
    assert not path.exists()
