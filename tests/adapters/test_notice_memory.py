"""Memory of notices in a file and in a store of objects: atomic for several processes, and damage is forgetting."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from ert_deploy.adapters.private import lock_within, open_private
from ert_deploy.adapters.state.notice_memory import NoticeFile, NoticeObject
from ert_deploy.adapters.state.objects import Found, NoAnswer, Unmet
from ert_deploy.core.model.errors import CannotObserve, Failed
from ert_deploy.core.model.stored import StoredVersion
from ert_deploy.ports import Clock, NoticeMemory
from tests.support.fakes.timing import FakeClock

KEY = "ert.json.notices"


class Bucket:
    """Objects in memory with conditional writes. `rivals` write before the next puts; `mute` does not respond."""

    def __init__(self) -> None:
        self.service, self.always_conditional = "a bucket", True
        self.clock: Clock = FakeClock()
        self.objects: dict[str, Found] = {}
        self.rivals: list[bytes] = []
        self.mute = False

    def where(self, key: str) -> str:
        return f"bucket/{key}"

    def get(self, key: str) -> Found | None:
        return self.objects.get(key)

    def put(self, key: str, body: bytes, etag: str | None, mark: str) -> str:
        if self.mute:
            raise NoAnswer("it is silent")
        if self.rivals:
            self.objects[key] = Found(self.rivals.pop(0), f"rival {len(self.rivals)}", "")
        held = self.objects.get(key)
        if (held.etag if held is not None else None) != etag:
            raise Unmet
        self.objects[key] = Found(body, mark, mark)
        return mark

    def delete(self, key: str, etag: str) -> None:
        del self.objects[key]

    def versions(self, key: str) -> tuple[StoredVersion, ...]:
        return ()

    def must_keep_versions(self) -> None:
        """A memory needs no versions."""


@pytest.fixture(params=["file", "object"])
def handle(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], NoticeMemory]:
    """Return what makes a memory of one document, as each process would."""
    bucket = Bucket()
    if request.param == "file":
        return lambda: NoticeFile(tmp_path / ".ert" / KEY)
    return lambda: NoticeObject(bucket, KEY)


def test_what_one_process_remembers_another_one_knows(handle: Callable[[], NoticeMemory]) -> None:
    assert handle().change(lambda told: told | {"sleep/7", "orphan/9"}) == frozenset()
    assert handle().change(lambda told: told - {"orphan/9"}) == {"sleep/7", "orphan/9"}
    assert handle().change(lambda told: told) == {"sleep/7"}


def test_the_file_is_private_and_outside_of_git(tmp_path: Path) -> None:
    path = tmp_path / ".ert" / KEY
    NoticeFile(path).change(lambda told: told | {"sleep/7"})
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert (path.parent / ".gitignore").read_text() == "*\n"


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[]", b'{"format": "else", "told": ["x"]}', b'{"format": "ert-deploy notices"}', b"[" * 50_000]
)
def test_a_damaged_one_counts_as_empty_and_is_written_anew(tmp_path: Path, raw: bytes) -> None:
    path, bucket = tmp_path / KEY, Bucket()
    path.write_bytes(raw)
    bucket.objects[KEY] = Found(raw, "1", "1")
    for memory in (NoticeFile(path), NoticeObject(bucket, KEY)):
        assert memory.change(lambda told: told | {"sleep/7"}) == frozenset()
        assert memory.change(lambda told: told) == {"sleep/7"}


def test_a_file_that_cannot_be_used_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("{}")
    (tmp_path / KEY).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Failed, match="cannot be used"):
        NoticeFile(tmp_path / KEY).change(lambda told: told | {"x"})
    assert (tmp_path / "elsewhere").read_text() == "{}"


def test_a_file_that_another_process_holds_is_not_waited_for_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ert_deploy.adapters.state.notice_memory.WRITE_SECONDS", 0.0)
    with open_private(tmp_path / f"{KEY}.lock") as lock:
        assert lock_within(lock, 1.0)
        with pytest.raises(Failed, match="in use"):
            NoticeFile(tmp_path / KEY).change(lambda told: told | {"x"})


def test_two_that_write_at_once_both_count_and_a_store_without_an_answer_is_an_error() -> None:
    bucket = Bucket()
    memory = NoticeObject(bucket, KEY)
    memory.change(lambda told: told | {"a/1"})
    bucket.rivals = [b'{"format": "ert-deploy notices", "told": ["b/2"]}']
    assert memory.change(lambda told: told | {"c/3"}) == {"b/2"}
    assert memory.change(lambda told: told) == {"b/2", "c/3"}
    bucket.rivals = [b"{}"] * 9
    with pytest.raises(Failed, match="by others"):
        memory.change(lambda told: told | {"d/4"})
    bucket.rivals, bucket.mute = [], True
    with pytest.raises(CannotObserve, match="cannot write bucket"):
        memory.change(lambda told: told | {"d/4"})
