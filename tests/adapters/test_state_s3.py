"""The state in S3: lost responses, errors with a hint, and the lock."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ert_deploy.adapters.state import document
from ert_deploy.adapters.state.object_state import StateObject
from ert_deploy.adapters.state.s3_objects import S3Objects
from ert_deploy.core.model.errors import Busy, ErtError, Failed, StateConflict, UsageError
from ert_deploy.core.model.stored import LockHolder
from tests.support.doubles import moto_s3
from tests.support.fakes.timing import FakeClock
from tests.support.state.shelf import FULL, KEY


@pytest.fixture(scope="module")
def s3() -> Iterator[Any]:
    with moto_s3.connected() as client:
        yield client


@pytest.fixture
def flaky(s3: Any) -> moto_s3.Flaky:
    return moto_s3.Flaky(s3)


def state(bucket: str, clock: FakeClock, **more: Any) -> StateObject:
    return StateObject(S3Objects(bucket, clock, **more), KEY, "ert")


def bucket_of(store: StateObject) -> str:
    objects = store._objects
    assert isinstance(objects, S3Objects)
    return objects.bucket


def in_s3(flaky: moto_s3.Flaky, *, versioned: bool = True) -> tuple[StateObject, FakeClock]:
    clock = FakeClock()
    return state(moto_s3.bucket(flaky.real, versioned=versioned), clock, client=flaky), clock


# Responses


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
    """The first attempt succeeded unseen (a proxy repeated it), and the response is that of the second."""
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
    other = state(bucket_of(store), FakeClock(), client=flaky.real)
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
        ("KMS.DisabledException", 400, "see the error of S3"),
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
        state("ert-no-such-bucket", FakeClock(), client=s3).load()


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
        state("ert-state", FakeClock(), endpoint_url="http://127.0.0.1:9", region="us-east-1").load()
    assert "boto3's usual places" in refused.value.hint


def test_a_store_that_does_not_answer_cannot_be_observed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in moto_s3.KEYS.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ErtError, match="cannot read s3://ert-state") as blind:
        state("ert-state", FakeClock(), endpoint_url="http://127.0.0.1:9").load()
    assert blind.value.exit_code == 5
    assert "canary" not in blind.value.detail


# The lock


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
    second = state(bucket_of(store), clock, client=flaky.real)
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
    from ert_deploy.adapters.state import object_lock

    store, clock = in_s3(flaky)
    now = clock.now()
    dead = LockHolder("me@here", 2**22 + 1, "run-1", now, now + 600.0)
    objects = store._objects
    objects.put(f"{KEY}.lock", document.write_holder(dead, place=object_lock._place()), None, "m")
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
    other = state(bucket_of(store), clock, client=flaky.real)
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
