"""The state as a value: what each change keeps, and that it survives being written and read."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ert_deploy.core.model.claims import Claims
from ert_deploy.core.model.stamps import stamps, timed
from ert_deploy.core.model.state import (
    LONG_AGO,
    VERSION,
    Denied,
    Intent,
    Record,
    Rollout,
    State,
    Tombstone,
    from_json,
    to_json,
)

TEXT = st.text(max_size=20)
NUMBER = st.integers(0, 2**40)
TIME = st.floats(0, 2e9)
HASHES = st.lists(TEXT, max_size=3).map(tuple)
RECORDS = st.builds(Record, TEXT, NUMBER, NUMBER, TIME, TEXT, st.booleans(), TIME, TIME, HASHES, HASHES)
STATES = st.builds(
    State,
    deployment=TEXT,
    generation=NUMBER,
    intents=st.lists(st.builds(Intent, TEXT, TIME, NUMBER, NUMBER, st.booleans()), max_size=3).map(tuple),
    records=st.lists(RECORDS, max_size=3).map(tuple),
    tombstones=st.lists(st.builds(Tombstone, TEXT, NUMBER, TIME, TEXT), max_size=3).map(tuple),
    denied=st.lists(st.builds(Denied, NUMBER, TIME, TEXT), max_size=3).map(tuple),
    rollouts=st.lists(st.builds(Rollout, TEXT, TEXT, TEXT, TIME, TIME), max_size=3).map(tuple),
    begun=TIME,
)
EMPTY = State("ert")
OLD_RECORD = {"token": "t", "id": 5, "machine_id": 6, "at": 1.0, "certificate": "pem", "published": True}


@given(STATES)
def test_what_is_written_is_read_again(state: State) -> None:
    assert from_json(to_json(state)) == state
    assert from_json(json.loads(json.dumps(to_json(state)))) == state


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        ({"version": VERSION + 1}, f"version {VERSION + 1}"),
        ({"version": None}, "version None"),
        ({"deployment": 7}, "7 is not str"),
        ({"generation": "7"}, "'7' is not int"),
        ({"records": [{"token": "t"}]}, "damaged or unknown field"),
        ({"records": [{**to_json(EMPTY)}]}, "damaged or unknown field"),
        ({"records": [{**OLD_RECORD, "keys": "ab"}]}, "'ab' is not a list"),
        ({"records": [{**OLD_RECORD, "asked": [7]}]}, "7 is not str"),
        ({"records": [7]}, "damaged or unknown field"),
        ({"intents": 7}, "damaged or unknown field"),
        ({"rollouts": [7]}, "damaged or unknown field"),
        ({"claims": 7}, "damaged or unknown field"),
        ({"claims": {"owners": "ab"}}, "'ab' is not a list of str"),
        ({"claims": {"ignored": 7}}, "7 is not a list of int"),
        ({"claims": {"ignored": ["7"]}}, "is not a list of int"),
        ({"claims": {"other": []}}, "damaged or unknown field"),
    ],
)
def test_what_is_not_a_state_of_ours_is_refused(damage: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        from_json({**to_json(EMPTY), **damage})


@pytest.mark.parametrize(
    ("version", "record"),
    [(1, OLD_RECORD), (2, {**OLD_RECORD, "woken": 2.0, "stranded": 3.0}), (3, {**OLD_RECORD, "woken": 2.0})],
)
def test_a_state_of_an_older_program_is_read(version: int, record: dict[str, Any]) -> None:
    old = {name: value for name, value in to_json(EMPTY).items() if name != "account"}
    state = from_json({**old, "version": version, "records": [record]})
    assert state.account == "", "nobody wrote down whose it is"
    known = state.record(5)
    assert known is not None
    assert (known.certificate, known.published) == ("pem", True)
    assert (known.woken, known.stranded) == (-record.get("woken", 0.0), -record.get("stranded", 0.0)), "nobody's clock"
    assert (known.keys, known.asked) == ((), ()), "it takes the keys it was created with"


def test_a_state_of_the_release_before_knows_no_claims_and_loses_nothing() -> None:
    data = {**to_json(EMPTY), "version": 3, "records": [{**OLD_RECORD, "keys": ["ab"]}]}
    del data["claims"]
    state = from_json(data)
    assert [r.id for r in state.records] == [5]
    assert state.claims == Claims()


def test_claims_are_remembered_and_kept_while_anything_can_bill() -> None:
    state = EMPTY.claim("first-owner", ["a1"]).put_record(Record("t", 5, 1001, 1.0))
    assert state.claim("", []).claims == Claims(("first-owner",), ("a1",))
    both = state.claim("second-owner", ["b2"])
    assert both.claims == Claims(("first-owner", "second-owner"), ("a1", "b2"))
    assert both.drop_record(5).claim("third-owner", ["c3"]).claims == Claims(("third-owner",), ("c3",))
    assert from_json(to_json(both)) == both


def test_what_a_person_decided_lasts_as_long_as_the_instance_is_known() -> None:
    state = EMPTY.put_record(Record("t", 5, 1001, 1.0)).adopt(5)
    assert state.claims.adopted == (5,)
    entombed = state.entomb(Tombstone("t", 5, 1.0, "not wanted any more"))
    assert entombed.claims.adopted == (5,), "it has to be seen gone yet"
    assert entombed.bury(5).claims.adopted == ()
    assert state.drop_record(5).claims.adopted == ()
    assert state.drop_record(6) == state
    ignored = entombed.ignore(5)
    assert (ignored.claims.ignored, ignored.claims.adopted, ignored.tombstones) == ((5,), (), ())
    assert ignored.adopt(5).claims.ignored == ()


@pytest.mark.parametrize("version", [1, 2, 3])
def test_times_by_an_operators_own_clock_are_names_and_no_times(version: int) -> None:
    old = {**to_json(EMPTY), "version": version, "intents": [{"token": "t", "at": 1e9, "offer_id": 7, "machine_id": 8}]}
    del old["begun"]
    old["records"] = [{**OLD_RECORD, "at": 1e9, "woken": LONG_AGO}]
    old["rollouts"] = [
        {"service_id": "s", "fingerprint": "f", "deploy_id": "d", "at": 1e9, "proven": 2e9},
        {"service_id": "r", "fingerprint": "f", "deploy_id": "d", "at": 1e9, "proven": 0.0},
    ]
    state = from_json(old)
    assert dict(stamps(state)) == {"t": LONG_AGO, "s": -2e9, "r": -1e9}
    assert [i.at for i in state.intents] == [r.at for r in state.records] == [-1e9]
    state = replace(state, begun=-3e9)
    assert from_json(json.loads(json.dumps(to_json(state)))) == state
    assert to_json(state)["records"][0]["at"] == 1e9, "what is written is the clock as it was"
    with pytest.raises(ValueError, match="7 is not an object"):
        from_json({**old, "intents": [7]})


@pytest.mark.parametrize("data", [None, [], "state", 7])
def test_what_is_no_object_is_refused(data: object) -> None:
    with pytest.raises(ValueError, match="not an object"):
        from_json(data)


@pytest.mark.parametrize("name", [n for n in to_json(EMPTY) if n != "version"])
def test_a_missing_field_is_refused(name: str) -> None:
    data = to_json(EMPTY)
    del data[name]
    with pytest.raises(ValueError, match=name):
        from_json(data)


def test_an_instance_is_intent_then_record_then_tombstone_then_nothing() -> None:
    state = EMPTY.intend(Intent("t", 1.0, 7, 1001))
    assert state.tokens() == {"t"}
    assert not state.empty()
    state = state.put_record(Record("t", 5, 1001, 1.0))
    assert state.intents == ()
    assert state.record(5) == Record("t", 5, 1001, 1.0)
    assert state.record(6) is None
    state = state.entomb(Tombstone("t", 5, 2.0, "old"))
    assert state.records == ()
    assert state.tokens() == {"t"}
    assert not state.empty()
    assert state.bury(5).empty()
    assert state.bury(6) == state


def test_a_tombstone_takes_the_place_of_an_intent_and_of_an_older_tombstone() -> None:
    state = (
        EMPTY.intend(Intent("t", 1.0, 7, 1001)).entomb(Tombstone("t", 5, 2.0, "a")).entomb(Tombstone("t", 5, 3.0, "b"))
    )
    assert state.intents == ()
    assert state.tombstones == (Tombstone("t", 5, 3.0, "b"),)


def test_a_gone_token_is_marked_and_no_other_is() -> None:
    state = EMPTY.intend(Intent("a", 1.0, 7, 1)).intend(Intent("b", 1.0, 8, 2)).mark_gone("a")
    assert [(i.token, i.gone) for i in state.intents] == [("a", True), ("b", False)]
    assert [i.token for i in state.drop_intent("a").intents] == ["b"]


def test_a_record_is_put_in_place_of_the_one_of_the_same_instance() -> None:
    state = EMPTY.put_record(Record("a", 1, 1, 1.0)).put_record(Record("b", 2, 2, 1.0))
    state = state.put_record(Record("a", 1, 1, 1.0, "pem", True))
    assert [(r.id, r.certificate) for r in state.records] == [(2, ""), (1, "pem")]
    assert [r.id for r in state.drop_record(2).records] == [1]


def test_a_machine_is_denied_until_its_time_is_over() -> None:
    state = EMPTY.deny(Denied(1, 100.0, "slow"), 50.0).deny(Denied(2, 200.0, "sick"), 60.0)
    assert state.denied_machines(99.0) == {1, 2}
    assert state.denied_machines(100.0) == {2}
    assert state.deny(Denied(2, 300.0, "again"), 150.0).denied == (Denied(2, 300.0, "again"),)
    assert state.empty(), "a denied machine does not bill"


def test_a_rollout_is_put_in_place_of_the_one_of_the_same_service() -> None:
    first, second = Rollout("srv-a", "f", "dep-1", 1.0), Rollout("srv-b", "f", "dep-2", 1.0)
    state = EMPTY.put_rollout(first).put_rollout(second).put_rollout(replace(first, proven=2.0))
    assert [r.service_id for r in state.rollouts] == ["srv-b", "srv-a"]
    assert state.rollout("srv-a") == replace(first, proven=2.0)
    assert state.rollout("srv-c") is None
    assert state.drop_rollout("srv-a").rollouts == (second,)
    assert state.empty()


def test_a_record_whose_times_are_put_another_way_is_the_same_otherwise() -> None:
    record = Record("t", 5, 1001, 1.0, "pem", True, 2.0, 3.0, ("a",), ("b",))
    assert timed(record, 1.0, 2.0, 3.0) == record
    assert timed(record, 7.0, 8.0, 9.0) == replace(record, at=7.0, woken=8.0, stranded=9.0)
