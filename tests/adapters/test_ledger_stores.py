"""Requirements of every store of a ledger, tested with all: the local file, S3 (moto's, on loopback), PostgreSQL."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from ert_deploy.adapters.state import ledger_document
from ert_deploy.adapters.state.ledger_file import LedgerFile
from ert_deploy.adapters.state.ledger_object import LedgerObject
from ert_deploy.adapters.state.objects import NoAnswer, Objects
from ert_deploy.core.ledger.model import Charge, Ledger, Month, Transition
from ert_deploy.core.model.errors import Damaged, Failed, StateConflict, UsageError
from ert_deploy.store_ports import LedgerStore
from tests.support.doubles import moto_s3
from tests.support.fakes.timing import FakeClock
from tests.support.ids import nth

KEY = "teams/ert.ledger.json"
FULL = Ledger(
    "ert",
    0,
    (Transition("a" * 32, nth(1), "rented", 5.0, disk=0.1), Transition("a" * 32, nth(1), "gone", 9.0, since=7.0)),
    (Charge(nth(1), "disk", 0, 0.25, 9.0, 10.0),),
    (Month(0, 1.0, 2.0, 3.0),),
    ("b" * 12,),
)


@dataclass
class Shelf:
    """Makes handles of one location, and reads and writes its content."""

    handle: Callable[..., LedgerStore]
    read: Callable[[], bytes]
    write: Callable[[bytes], object]


@pytest.fixture(scope="module")
def s3() -> Iterator[Any]:
    with moto_s3.connected() as client:
        yield client


@pytest.fixture(params=["file", "s3", "postgres"])
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> Shelf:
    if request.param == "file":
        path = tmp_path / "state" / "ert.ledger.json"
        return Shelf(lambda name="ert": LedgerFile(path, name), path.read_bytes, path.write_bytes)
    if request.param == "s3":
        from ert_deploy.adapters.state.s3_objects import S3Objects

        client = request.getfixturevalue("s3")
        bucket = moto_s3.bucket(client)
        return _of_objects(lambda: S3Objects(bucket, FakeClock(), client=client))
    from ert_deploy.adapters.state.postgres_objects import PostgresObjects
    from ert_deploy.adapters.state.postgres_url import database

    server = request.getfixturevalue("database")
    found = database("URL", {"URL": server.url(server.database())})
    return _of_objects(lambda: PostgresObjects(found, FakeClock()))


def _of_objects(objects: Callable[[], Objects]) -> Shelf:
    def read() -> bytes:
        held = objects().get(KEY)
        assert held is not None
        return held.body

    def write(raw: bytes) -> None:
        held = objects().get(KEY)
        objects().put(KEY, raw, held.etag if held is not None else None, "by hand")

    return Shelf(lambda name="ert": LedgerObject(objects(), KEY, name), read, write)


def test_what_was_saved_is_loaded_one_generation_higher_also_elsewhere(shelf: Shelf) -> None:
    mine = shelf.handle()
    assert mine.load() == Ledger("ert")
    saved = mine.save(FULL)
    assert saved == replace(FULL, generation=1)
    assert shelf.handle().load() == saved
    assert shelf.handle().save(saved).generation == 2
    assert shelf.read() == ledger_document.encode(replace(FULL, generation=2))
    assert KEY.rpartition("/")[2] in mine.where


def test_of_two_writers_of_one_generation_the_second_has_to_read_again(shelf: Shelf) -> None:
    first, second = shelf.handle(), shelf.handle()
    first.load()
    second.load()
    first.save(FULL)
    with pytest.raises(StateConflict):
        second.save(replace(FULL, months=()))
    with pytest.raises(StateConflict, match="at generation 1, we read 0"):
        second.save(replace(FULL, months=()))
    assert second.save(second.load()).months == FULL.months


def test_of_eight_writers_at_once_exactly_one_wins(shelf: Shelf) -> None:
    handles = [shelf.handle() for _ in range(8)]
    for turn in range(2):
        read = [handle.load() for handle in handles]
        ready, won = threading.Barrier(len(handles)), list[int]()

        def write(n: int, ledger: Ledger, turn: int = turn, ready: Any = ready, won: Any = won) -> None:
            ready.wait()
            with contextlib.suppress(StateConflict):
                handles[n].save(ledger.adding([Transition(f"{turn}-{n}", nth(n + 1), "rented", 1.0)]))
                won.append(n)

        threads = [threading.Thread(target=write, args=pair) for pair in enumerate(read)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert len(won) == 1, f"round {turn}: {won}"
    assert shelf.handle().load().generation == len(shelf.handle().load().transitions) == 2


def test_a_damaged_ledger_is_refused_and_kept(shelf: Shelf) -> None:
    shelf.handle().save(FULL)
    raw = shelf.read()
    for bad in (raw[:100], raw.replace(b"0.25", b"0.24"), b"[]", raw.replace(b"0.25", b"NaN")):
        shelf.write(bad)
        with pytest.raises(Damaged, match="corrupt ledger"):
            shelf.handle().load()
        with pytest.raises(Damaged):
            shelf.handle().save(FULL)
        assert len(shelf.read()) == len(bad)


def test_a_ledger_larger_than_any_is_not_parsed() -> None:
    with pytest.raises(Damaged, match="larger than any valid ledger"):
        ledger_document.decode(b" " * 5_000_000, "here", "ert")


def test_a_ledger_of_a_newer_program_or_of_another_deployment_is_named(shelf: Shelf) -> None:
    shelf.handle().save(FULL)
    with pytest.raises(UsageError, match="holds deployment 'ert', not 'other'"):
        shelf.handle("other").load()
    shelf.write(shelf.read().replace(b'"version": 1', b'"version": 2'))
    with pytest.raises(UsageError, match="written by a newer ert-deploy"):
        shelf.handle().load()


def test_a_file_that_cannot_be_written_or_read_is_an_error_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"")
    with pytest.raises(Failed, match="cannot be written"):
        LedgerFile(tmp_path / "plain" / "ert.ledger.json", "ert").save(FULL)
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(UsageError, match="cannot be read"):
        LedgerFile(tmp_path / "folder.json", "ert").load()
    link = tmp_path / "link.json"
    link.symlink_to(tmp_path / "real.json")
    LedgerFile(link, "ert").save(FULL)
    assert link.is_symlink()
    assert (tmp_path / "real.json").is_file()


def test_a_write_without_an_answer_fails_and_may_be_repeated() -> None:
    class Silent:
        service, clock, lost = "S3", FakeClock(), True
        held: Any = None

        def where(self, key: str) -> str:
            return key

        def get(self, key: str) -> Any:
            return self.held

        def put(self, key: str, body: bytes, etag: str | None, mark: str) -> str:
            if self.lost:
                raise NoAnswer("timed out")
            return "tag"

    objects: Any = Silent()
    store = LedgerObject(objects, KEY, "ert")
    with pytest.raises(Failed, match="cannot be written"):
        store.save(FULL)
    objects.lost = False
    assert store.save(FULL).generation == 1
