"""Requirements of every state store, tested with all: the local file, S3 (moto's, on loopback), and PostgreSQL."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from ert_deploy.adapters.state import document
from ert_deploy.core.model.errors import Busy, Damaged, ErtError, Failed, StateConflict, UsageError
from ert_deploy.core.model.plain.state import NEWEST, VERSION
from ert_deploy.core.model.state import Intent, State
from tests.support.doubles import moto_s3
from tests.support.ids import nth
from tests.support.state.shelf import FULL, Shelf


@pytest.fixture(scope="module")
def s3() -> Iterator[Any]:
    with moto_s3.connected() as client:
        yield client


# Reading and writing


def test_where_there_is_nothing_the_state_is_empty(shelf: Shelf) -> None:
    assert shelf.handle().load() == State("ert")
    assert shelf.handle().unwritable() == ""


def test_what_was_saved_is_loaded_one_generation_higher_also_elsewhere(shelf: Shelf) -> None:
    mine = shelf.handle()
    saved = mine.save(FULL)
    assert saved == replace(FULL, generation=1)
    assert shelf.handle().load() == saved
    assert mine.save(saved.drop_record(nth(5))).generation == 2
    assert shelf.handle().load() == replace(saved.drop_record(nth(5)), generation=2)


def test_a_handle_that_has_read_nothing_writes_on_the_generation_it_is_given(shelf: Shelf) -> None:
    saved = shelf.handle().save(FULL)
    assert shelf.handle().save(saved).generation == 2
    with pytest.raises(StateConflict, match="at generation 2, we read 1"):
        shelf.handle().save(saved)


def test_both_keep_the_same_document(shelf: Shelf) -> None:
    shelf.handle().save(FULL)
    assert shelf.read() == document.encode(replace(FULL, generation=1))


def test_two_writers_that_read_the_same_generation_cannot_both_win(shelf: Shelf) -> None:
    first, second = shelf.handle(), shelf.handle()
    mine, theirs = first.load(), second.load()
    first.save(mine.intend(FULL.intents[0]))
    with pytest.raises(StateConflict, match="at generation 1, we read 0"):
        second.save(theirs.deny(FULL.denied[0], 0.0))
    assert first.load().intents == FULL.intents
    assert first.load().denied == ()


def test_a_state_that_somebody_moved_away_is_no_ground_to_write_on(shelf: Shelf) -> None:
    mine = shelf.handle()
    saved = mine.save(FULL)
    assert shelf.handle().set_aside()
    with pytest.raises(StateConflict):
        mine.save(saved)
    assert shelf.handle().load() == State("ert")


def test_of_eight_writers_at_once_exactly_one_wins_and_no_update_is_lost(shelf: Shelf) -> None:
    handles = [shelf.handle() for _ in range(8)]
    winners: list[int] = []
    for turn in range(20):
        read = [handle.load() for handle in handles]
        ready, won = threading.Barrier(len(handles)), list[int]()

        def write(n: int, state: State, turn: int = turn, ready: Any = ready, won: Any = won) -> None:
            ready.wait()
            with contextlib.suppress(StateConflict):
                handles[n].save(state.intend(Intent(f"{turn}-{n}", 1.0, "1", "1")))
                won.append(n)

        threads = [threading.Thread(target=write, args=(n, s)) for n, s in enumerate(read)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert len(won) == 1, f"round {turn}: {won}"
        winners += won
    kept = shelf.handle().load()
    assert kept.generation == 20
    assert [i.token for i in kept.intents] == [f"{turn}-{n}" for turn, n in enumerate(winners)]


# Damage


def test_a_document_cut_anywhere_is_refused_and_kept(shelf: Shelf) -> None:
    shelf.handle().save(FULL)
    raw = shelf.read()
    for length in range(0, len(raw), 97):
        shelf.write(raw[:length])
        with pytest.raises(Damaged, match="corrupt state file") as damaged:
            shelf.handle().load()
        assert "found by their marks" in damaged.value.hint
        with pytest.raises(Damaged):
            shelf.handle().save(State("ert"))
        assert shelf.read() == raw[:length], "what is damaged is evidence and is not written over"


def test_a_flipped_digit_is_found(shelf: Shelf) -> None:
    shelf.handle().save(FULL)
    shelf.write(shelf.read().replace(b'"generation": 1', b'"generation": 7'))
    with pytest.raises(Damaged, match="the checksum does not match"):
        shelf.handle().load()


def test_a_state_of_a_newer_program_is_not_called_damaged(shelf: Shelf) -> None:
    shelf.handle().save(FULL)
    shelf.write(shelf.read().replace(f'"version": {VERSION}'.encode(), f'"version": {NEWEST + 1}'.encode(), 1))
    with pytest.raises(UsageError, match="written by a newer ert-deploy") as newer:
        shelf.handle().load()
    assert not isinstance(newer.value, Damaged)


def test_the_state_of_another_deployment_is_refused(shelf: Shelf) -> None:
    shelf.handle().save(FULL)
    with pytest.raises(UsageError, match="holds deployment 'ert', not 'other'"):
        shelf.handle(name="other").load()


# The lock


def test_the_second_holder_is_told_who_the_first_one_is_and_since_when(shelf: Shelf) -> None:
    assert shelf.handle().holder() is None
    with shelf.handle().lock("run-1"):
        with pytest.raises(Busy, match="another run works on ert") as busy, shelf.handle().lock("run-2"):
            pytest.fail("two hold the lock")
        assert "run run-1, since 2023-11-14 22:13:20 UTC" in busy.value.detail
        assert document.who() in busy.value.detail
        held = shelf.handle().holder()
        assert held is not None
        assert held.run == "run-1"
    assert shelf.handle().holder() is None
    with shelf.handle().lock("run-3"):
        pass


def test_the_lock_is_left_when_the_run_fails(shelf: Shelf) -> None:
    with contextlib.suppress(ErtError), shelf.handle().lock("run-1"):
        raise Failed("it did not work")
    with shelf.handle().lock("run-2"):
        pass


def test_the_lock_keeps_nobody_from_reading_or_writing(shelf: Shelf) -> None:
    with shelf.handle().lock("run-1"):
        assert shelf.handle().save(FULL).generation == 1
        assert shelf.handle().load().generation == 1


def test_a_lock_held_by_hand_outlives_its_process_until_its_time_is_up(shelf: Shelf) -> None:
    shelf.handle().hold("by-hand", 3600.0)
    with pytest.raises(Busy, match="another run") as busy, shelf.handle().lock("run-1"):
        pytest.fail("it is locked")
    assert "until 2023-11-14 23:13:20 UTC" in busy.value.detail
    assert "state unlock" in busy.value.hint
    shelf.clock.go_on(3601.0)
    with shelf.handle().lock("run-2"):
        pass


def test_a_lock_held_by_hand_can_be_ended(shelf: Shelf) -> None:
    assert shelf.handle().unlock() is None
    shelf.handle().hold("by-hand", 3600.0)
    ended = shelf.handle().unlock()
    assert ended is not None
    assert ended.run == "by-hand"
    with shelf.handle().lock("run-1"):
        pass


# Inspection and maintenance


def test_what_is_set_aside_is_kept_and_a_new_state_can_begin(shelf: Shelf) -> None:
    assert shelf.handle().set_aside() == ""
    shelf.write(b"nonsense")
    aside = shelf.handle().set_aside()
    assert ".aside-" in aside
    assert shelf.handle().load() == State("ert")
    assert shelf.handle().save(FULL).generation == 1


def test_the_history_begins_with_what_is_there_now(shelf: Shelf) -> None:
    assert shelf.handle().history() == ()
    store = shelf.handle()
    store.save(store.save(FULL))
    versions = shelf.handle().history()
    assert versions[0].kind == "current"
    assert versions[0].size == len(shelf.read())
