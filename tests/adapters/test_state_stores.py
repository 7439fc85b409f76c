"""What every store of the state has to do, asked of both: the local file, and S3 (moto's, on loopback)."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from ert_deploy.adapters.state import document
from ert_deploy.adapters.state.file import StateFile
from ert_deploy.adapters.state.s3 import StateS3
from ert_deploy.adapters.state.s3_objects import S3Objects
from ert_deploy.core.model.errors import Busy, Damaged, ErtError, Failed, StateConflict, UsageError
from ert_deploy.core.model.plain.state import VERSION
from ert_deploy.core.model.state import Denied, Intent, Record, Rollout, State, Tombstone
from ert_deploy.core.model.stored import LockHolder
from ert_deploy.ports import StateKeeper
from tests.support.doubles import moto_s3
from tests.support.fakes.timing import FakeClock

FULL = State(
    "ert",
    0,
    (Intent("a" * 32, 1.5, 7, 1001),),
    (Record("b" * 32, 5, 1002, 2.5, "-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----\n", True),),
    (Tombstone("c" * 32, 6, 3.5, "it did not get healthy: \u00e4"),),
    (Denied(1003, 9e9, "no progress"),),
    (Rollout("srv-1", "f" * 16, "dep-1", 4.5, 5.5),),
)
KEY = "teams/ert.json"


@dataclass
class Shelf:
    """A place for one state: makes handles of it, and reads and writes what is really there."""

    handle: Callable[..., StateKeeper]
    read: Callable[[], bytes]
    write: Callable[[bytes], object]
    clock: FakeClock


@pytest.fixture(scope="module")
def s3() -> Iterator[Any]:
    with moto_s3.running() as url:
        plain = moto_s3.client(url)
        yield plain
        plain.close()


@pytest.fixture(params=["file", "s3"])
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> Shelf:
    clock = FakeClock(1_700_000_000.0)
    if request.param == "file":
        path = tmp_path / "state" / "ert.json"
        path.parent.mkdir(mode=0o700)
        return Shelf(lambda name="ert": StateFile(path, name, clock), path.read_bytes, path.write_bytes, clock)
    plain = request.getfixturevalue("s3")
    bucket = moto_s3.bucket(plain)
    return Shelf(
        lambda name="ert": StateS3(bucket, KEY, name, clock, client=plain),
        lambda: bytes(plain.get_object(Bucket=bucket, Key=KEY)["Body"].read()),
        lambda raw: plain.put_object(Bucket=bucket, Key=KEY, Body=raw),
        clock,
    )


# Reading and writing


def test_where_there_is_nothing_the_state_is_empty(shelf: Shelf) -> None:
    assert shelf.handle().load() == State("ert")


def test_what_was_saved_is_loaded_one_generation_higher_also_elsewhere(shelf: Shelf) -> None:
    mine = shelf.handle()
    saved = mine.save(FULL)
    assert saved == replace(FULL, generation=1)
    assert shelf.handle().load() == saved
    assert mine.save(saved.drop_record(5)).generation == 2
    assert shelf.handle().load() == replace(saved.drop_record(5), generation=2)


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
                handles[n].save(state.intend(Intent(f"{turn}-{n}", 1.0, 1, 1)))
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
        with pytest.raises(Damaged, match="damaged state file") as damaged:
            shelf.handle().load()
        assert "found by the marks they carry" in damaged.value.hint
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
    shelf.write(shelf.read().replace(f'"version": {VERSION}'.encode(), f'"version": {VERSION + 1}'.encode(), 1))
    with pytest.raises(UsageError, match="written by a newer ert-deploy") as newer:
        shelf.handle().load()
    assert not isinstance(newer.value, Damaged)


def test_the_state_of_another_deployment_is_refused(shelf: Shelf) -> None:
    shelf.handle().save(FULL)
    with pytest.raises(UsageError, match="holds deployment 'ert', not 'other'"):
        shelf.handle("other").load()


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


# Looking after it


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


# S3 alone: lost answers


@pytest.fixture
def flaky(s3: Any) -> moto_s3.Flaky:
    return moto_s3.Flaky(s3)


def in_s3(flaky: moto_s3.Flaky, *, versioned: bool = True) -> tuple[StateS3, FakeClock]:
    clock = FakeClock()
    return StateS3(moto_s3.bucket(flaky.real, versioned=versioned), KEY, "ert", clock, client=flaky), clock


@pytest.mark.parametrize("generation", [0, 1])
def test_a_write_whose_answer_is_lost_is_found_to_have_landed(flaky: moto_s3.Flaky, generation: int) -> None:
    store, _ = in_s3(flaky)
    state = FULL if generation == 0 else store.save(FULL)
    flaky.queued["put_object"] = [("after", moto_s3.timeout())]
    flaky.calls.clear()
    assert store.save(state).generation == generation + 1
    assert flaky.calls.count("put_object") == 1
    assert store.save(store.load()).generation == generation + 2


def test_a_page_of_a_gateway_in_place_of_an_answer_is_no_answer(flaky: moto_s3.Flaky) -> None:
    store, _ = in_s3(flaky)
    saved = store.save(FULL)
    flaky.queued["put_object"] = [("page", moto_s3.timeout())]
    flaky.queued["get_object"] = [("page", moto_s3.timeout())]
    flaky.calls.clear()
    assert store.save(saved).generation == 2
    assert flaky.calls == ["put_object", "get_object", "get_object"]
    assert store.load().generation == 2


def test_a_412_about_our_own_write_is_success(flaky: moto_s3.Flaky) -> None:
    """The first try landed unseen (a proxy sent it again), and the answer is that of the second."""
    store, _ = in_s3(flaky)
    saved = store.save(FULL)
    flaky.queued["put_object"] = [("after", moto_s3.refused("PreconditionFailed", 412))]
    assert store.save(saved).generation == 2


@pytest.mark.parametrize(
    "trouble",
    [moto_s3.timeout(), moto_s3.refused("InternalError", 500), moto_s3.refused("SlowDown", 503),
     moto_s3.refused("ConditionalRequestConflict", 409)],
    ids=["timeout", "500", "503", "409"],
)  # fmt: skip
def test_a_write_that_did_not_land_is_sent_again(flaky: moto_s3.Flaky, trouble: Exception) -> None:
    store, clock = in_s3(flaky)
    saved = store.save(FULL)
    flaky.queued["put_object"] = [("before", trouble)] * 2
    flaky.queued["get_object"] = [("before", moto_s3.refused("InternalError", 500))] * 2
    assert store.save(saved).generation == 2
    assert clock.slept > 0


def test_a_write_that_never_lands_fails_before_the_next_step(flaky: moto_s3.Flaky) -> None:
    store, _ = in_s3(flaky)
    saved = store.save(FULL)
    flaky.queued["put_object"] = [("before", moto_s3.timeout())] * 99
    with pytest.raises(Failed, match="cannot be written") as failed:
        store.save(saved)
    assert "stopped before its next step" in failed.value.hint
    flaky.queued.clear()
    assert store.load() == saved


def test_when_neither_write_nor_look_is_answered_it_fails(flaky: moto_s3.Flaky) -> None:
    store, _ = in_s3(flaky)
    saved = store.save(FULL)
    flaky.queued["put_object"] = [("after", moto_s3.timeout())]
    flaky.queued["get_object"] = [("before", moto_s3.timeout())] * 99
    with pytest.raises(Failed):
        store.save(saved)
    with pytest.raises(ErtError, match="cannot read") as blind:
        store.load()
    assert blind.value.exit_code == 5


def test_somebody_elses_write_in_between_is_a_conflict_also_with_the_same_content(flaky: moto_s3.Flaky) -> None:
    store, _ = in_s3(flaky)
    saved = store.save(FULL)
    other = StateS3(store._objects.bucket, KEY, "ert", FakeClock(), client=flaky.real)
    flaky.queued["put_object"] = [("before", lambda: other.save(other.load()))]
    with pytest.raises(StateConflict, match="at generation 2, we read 1"):
        store.save(saved)


@pytest.mark.parametrize(
    ("code", "status", "words"),
    [
        ("NoSuchBucket", 404, "does not exist"),
        ("AccessDenied", 403, "s3:ListBucket"),
        ("InvalidAccessKeyId", 403, "not accepted"),
        ("ExpiredToken", 400, "expired"),
        ("PermanentRedirect", 301, "AWS_REGION"),
        ("RequestTimeTooSkewed", 403, "clock"),
        ("KMS.DisabledException", 400, "the answer says why"),
        ("NotImplemented", 501, "condition"),
    ],
)
@pytest.mark.parametrize("operation", ["get_object", "put_object"])
def test_what_is_refused_is_said_with_a_way_out(
    flaky: moto_s3.Flaky, operation: str, code: str, status: int, words: str
) -> None:
    store, _ = in_s3(flaky)
    saved = store.save(FULL)
    flaky.queued[operation] = [("before", moto_s3.refused(code, status))] * 99
    with pytest.raises(UsageError, match=r"cannot (read|write) s3://") as refused:
        store.load() if operation == "get_object" else store.save(saved)
    assert words in f"{refused.value.summary} {refused.value.hint}"
    assert "canary" not in f"{refused.value.summary}{refused.value.detail}{refused.value.hint}"


def test_a_real_missing_bucket_is_said(s3: Any) -> None:
    with pytest.raises(UsageError, match="the bucket does not exist"):
        StateS3("ert-no-such-bucket", KEY, "ert", FakeClock(), client=s3).load()


def test_a_bucket_that_keeps_no_versions_is_refused_when_a_state_begins_and_only_then(flaky: moto_s3.Flaky) -> None:
    store, _ = in_s3(flaky, versioned=False)
    with pytest.raises(UsageError, match="keeps no versions") as refused:
        store.save(FULL)
    assert "put-bucket-versioning" in refused.value.hint
    flaky.queued["get_bucket_versioning"] = [("before", moto_s3.refused("AccessDenied", 403))]
    saved = store.save(FULL)
    assert store.save(saved).generation == 2


def test_without_credentials_it_says_where_they_come_from() -> None:
    with pytest.raises(UsageError) as refused:
        StateS3("ert-state", KEY, "ert", FakeClock(), endpoint_url="http://127.0.0.1:9", region="us-east-1").load()
    assert "boto3's usual places" in refused.value.hint


def test_a_store_that_does_not_answer_cannot_be_observed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in moto_s3.KEYS.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ErtError, match="cannot read s3://ert-state") as blind:
        StateS3("ert-state", KEY, "ert", FakeClock(), endpoint_url="http://127.0.0.1:9").load()
    assert blind.value.exit_code == 5
    assert "canary" not in blind.value.detail


# S3 alone: the lock


def test_a_lock_whose_answer_is_lost_is_ours(flaky: moto_s3.Flaky) -> None:
    store, _ = in_s3(flaky)
    flaky.queued["put_object"] = [("after", moto_s3.timeout())]
    with store.lock("run-1"):
        held = store.holder()
        assert held is not None
        assert held.run == "run-1"
    assert store.holder() is None


def test_a_lock_that_is_over_is_taken_over_and_its_first_holder_does_not_give_it_back(flaky: moto_s3.Flaky) -> None:
    store, clock = in_s3(flaky)
    second = StateS3(store._objects.bucket, KEY, "ert", clock, client=flaky.real)
    with store.lock("run-1"):
        clock.go_on(601.0)
        with second.lock("run-2"):
            held = store.holder()
            assert held is not None
            assert held.run == "run-2"
            store._lock.release()
            assert store.holder() == held
    assert store.holder() is None


def test_a_long_run_renews_its_lock_while_it_looks_around(flaky: moto_s3.Flaky) -> None:
    store, clock = in_s3(flaky)
    with store.lock("run-1"):
        for _ in range(10):
            clock.go_on(301.0)
            store.load()
        held = store.holder()
        assert held is not None
        assert held.run == "run-1"


def test_a_lock_of_a_dead_process_of_this_machine_keeps_nobody_out(flaky: moto_s3.Flaky) -> None:
    from ert_deploy.adapters.state import s3_lock

    store, clock = in_s3(flaky)
    now = clock.now()
    dead = LockHolder("me@here", 2**22 + 1, "run-1", now, now + 600.0)
    objects: S3Objects = store._objects
    objects.put(f"{KEY}.lock", document.write_holder(dead, place=s3_lock._place()), None, "m")
    with store.lock("run-2"):
        pass
    objects.put(f"{KEY}.lock", document.write_holder(dead, place="another machine"), None, "m")
    with pytest.raises(Busy), store.lock("run-3"):
        pytest.fail("of that process we know nothing")


def test_a_store_that_ignores_conditions_is_found_out_before_anything_is_rented(flaky: moto_s3.Flaky) -> None:
    store, _ = in_s3(flaky)
    flaky.deaf = True
    with pytest.raises(UsageError, match="ignores the conditions"), store.lock("run-1"):
        pytest.fail("it must not be used")
    assert store.holder() is None


def test_a_lock_that_is_taken_away_at_birth_does_not_make_the_store_a_bad_one(flaky: moto_s3.Flaky) -> None:
    store, clock = in_s3(flaky)
    other = StateS3(store._objects.bucket, KEY, "ert", clock, client=flaky.real)
    let_through: tuple[str, Any] = ("before", lambda: None)
    flaky.queued["put_object"] = [let_through, let_through, ("before", other.unlock)]
    with store.lock("run-1"):
        held = store.holder()
        assert held is not None
        assert held.run == "run-1"
    assert store.holder() is None


def test_s3_keeps_every_version_and_says_what_became_of_it(flaky: moto_s3.Flaky) -> None:
    store, _ = in_s3(flaky)
    store.save(store.save(FULL))
    store.set_aside()
    assert [v.kind for v in store.history()] == ["deleted", "earlier", "earlier"]
