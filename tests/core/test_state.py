"""`State` values: each update keeps unrelated entries, and serialization is lossless."""

from __future__ import annotations

import json
from dataclasses import replace
from operator import attrgetter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ert_deploy.core.model.boot.failure import Failure
from ert_deploy.core.model.claims import Claims
from ert_deploy.core.model.log.happened import Happened
from ert_deploy.core.model.plain.state import NEWEST, VERSION, from_json, to_json
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.stamps import stamps, timed
from ert_deploy.core.model.state import (
    LONG_AGO,
    Denied,
    InstanceRecord,
    Intent,
    Launched,
    Rollout,
    State,
    Tombstone,
)
from tests.support.ids import nth

TEXT = st.text(max_size=8)
NUMBER = st.integers(0, 2**63 - 1)
TIME = st.one_of(st.floats(0, 2e9), st.floats(0, allow_infinity=False))
STAMP = st.one_of(TIME, st.floats(-2e9, -1.5))  # negative for another clock
HASHES = st.lists(st.sampled_from(["a" * 64, "0123456789abcdef" * 4]), max_size=2).map(tuple)
ID = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,9}", fullmatch=True)
IDS = st.lists(ID.map(InstanceId), max_size=4, unique=True)


def rows(kind: type[Any], key: str, **others: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return a strategy for up to two values with unique keys."""
    return st.lists(st.builds(kind, **others), max_size=2, unique_by=attrgetter(key)).map(tuple)


def without_twins(state: State) -> State:
    """Remove the records of instances with a tombstone."""
    dead = {t.id for t in state.tombstones}
    return replace(state, records=tuple(r for r in state.records if r.id not in dead))


STATES = st.builds(
    State,
    deployment=TEXT,
    generation=NUMBER,
    intents=rows(Intent, "token", token=TEXT, at=STAMP, offer_id=TEXT, machine_id=TEXT, gone=st.booleans()),
    records=rows(
        InstanceRecord, "id", token=TEXT, id=ID, machine_id=TEXT, at=STAMP, certificate=TEXT, published=st.booleans(),
        woken=STAMP, stranded=STAMP, keys=HASHES, asked=HASHES,
    ),
    tombstones=rows(Tombstone, "id", token=TEXT, id=ID, at=STAMP, reason=TEXT),
    denied=rows(Denied, "subject", machine_id=TEXT, until=TIME, reason=TEXT, host_id=TEXT, evidence=TEXT),
    rollouts=rows(Rollout, "service_id", service_id=TEXT, fingerprint=TEXT, deploy_id=TEXT, at=STAMP, proven=STAMP),
    account=TEXT,
    claims=IDS.map(lambda ids: Claims(("o",), ("s",), tuple(ids[:2]), tuple(ids[2:]))),
    begun=STAMP,
    launches=st.lists(
        st.builds(
            Launched, machine_id=TEXT, host_id=TEXT, at=STAMP, healthy=st.booleans(), advertised=TIME, rate=TIME,
            started=TIME, image_gb=TIME,
        ),
        max_size=2,
    ).map(tuple),
    failures=st.lists(
        st.builds(
            Failure, id=ID, machine_id=TEXT, at=STAMP, reason=TEXT, status=TEXT, message=TEXT, exit_code=TEXT, log=TEXT
        ),
        max_size=2,
    ).map(tuple),
    history=st.lists(
        st.builds(Happened, at=STAMP, what=TEXT, instance=TEXT, why=TEXT, cost=TIME, who=TEXT), max_size=2
    ).map(tuple),
).map(without_twins)  # fmt: skip
EMPTY = State("ert")
OLD_RECORD = {"token": "t", "id": 5, "machine_id": 6, "at": 1.0, "certificate": "pem", "published": True}


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)  # generation may be slow under load
@given(STATES)
def test_what_is_written_is_read_again(state: State) -> None:
    assert from_json(to_json(state)) == state
    assert from_json(json.loads(json.dumps(to_json(state)))) == state


NEW_RECORD = {**OLD_RECORD, "id": "5", "machine_id": "6", "woken": 0.0, "stranded": 0.0, "keys": [], "asked": []}
TOMBSTONE = {"token": "t", "id": "i-0f3a", "at": 1.0, "reason": "old"}
INTENT = {"token": "t", "at": 1.0, "offer_id": "7", "machine_id": "8", "gone": False}
DENIED = {"machine_id": "8", "until": 1.0, "reason": "slow", "host_id": "", "evidence": ""}
LAUNCHED = {
    "machine_id": "8", "host_id": "7", "at": 1.0, "healthy": False, "advertised": 900.0, "rate": 100.0,
    "started": 60.0, "image_gb": 4.0,
}  # fmt: skip
HAPPENED = {"at": 1.0, "what": "rented", "instance": "5", "why": "", "cost": 0.5, "who": "a@b"}
ROLLOUT = {"service_id": "s", "fingerprint": "f", "deploy_id": "d", "at": 1.0, "proven": 0.0}
CLAIMS: dict[str, Any] = {"owners": [], "services": [], "adopted": [], "ignored": []}
ROWS = {
    "records": NEW_RECORD, "tombstones": TOMBSTONE, "intents": INTENT, "denied": DENIED, "rollouts": ROLLOUT,
    "launches": LAUNCHED, "history": HAPPENED,
}  # fmt: skip


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        ({"version": NEWEST + 1}, f"version {NEWEST + 1}"),
        ({"version": None}, "version None"),
        ({"version": []}, "version \\[\\]"),
        ({"version": True}, "version True"),
        ({"version": 4.0}, "version 4.0"),
        ({"deployment": 7}, "7 is not text"),
        ({"deployment": "\ud800"}, "surrogates not allowed"),
        ({"generation": "7"}, "'7' is not a whole number"),
        ({"generation": True}, "True is not a whole number"),
        ({"generation": -1}, "-1 is below 0"),
        ({"generation": 2**63}, "too large"),
        ({"account": None}, "None is not text"),
        ({"begun": float("nan")}, "nan is not a finite number"),
        ({"begun": float("inf")}, "inf is not a finite number"),
        ({"begun": 10**400}, "too large"),
        ({"begun": 1.0, "undated": "begun"}, "'begun' is not a list"),
        ({"begun": 1.0, "undated": ["at"]}, "are not times of it"),
        ({"begun": 1.0, "undated": [[]]}, "are not times of it"),
        ({"more": 1}, "'more' is unknown"),
        ({"records": [{"token": "t"}]}, "at, id, machine_id is missing"),
        ({"records": [{**to_json(EMPTY)}]}, "is missing"),
        ({"records": [{**NEW_RECORD, "more": 1}]}, "'more' is unknown"),
        ({"records": [{**NEW_RECORD, "keys": "ab"}]}, "'ab' is not a list"),
        ({"records": [{**NEW_RECORD, "keys": ["ab"]}]}, "is not a list of SHA-256"),
        ({"records": [{**NEW_RECORD, "asked": [7]}]}, "7 is not text"),
        ({"records": [{**NEW_RECORD, "undated": ["until"]}]}, "are not times of it"),
        ({"records": [7]}, "7 is not an object"),
        ({"intents": 7}, "7 is not a list"),
        ({"rollouts": [7]}, "7 is not an object"),
        ({"claims": 7}, "7 is not an object"),
        ({"claims": {"owners": "ab"}}, "'ab' is not a list"),
        ({"claims": {"ignored": 7}}, "7 is not a list"),
        ({"claims": {"ignored": [7]}}, "7 is not text"),
        ({"claims": {"ignored": ["7/8"]}}, "'7/8' is not an id"),
        ({"tombstones": [{**TOMBSTONE, "id": ""}]}, "'' is not an id"),
        ({"tombstones": [{**TOMBSTONE, "id": 5}]}, "5 is not text"),
        ({"version": 4, "tombstones": [TOMBSTONE]}, "'i-0f3a' is not a whole number"),
        ({"version": 4, "claims": {"ignored": ["7"]}}, "'7' is not a whole number"),
        ({"claims": {"other": []}}, "'other' is unknown"),
        ({"records": [NEW_RECORD, {**NEW_RECORD, "token": "u"}]}, "instance 5 is in it twice"),
        ({"records": [NEW_RECORD], "tombstones": [{**TOMBSTONE, "id": "5"}]}, "instance 5 is in it twice"),
        ({"tombstones": [TOMBSTONE, TOMBSTONE]}, "instance i-0f3a is in it twice"),
        ({"intents": [INTENT, INTENT]}, "create t is in it twice"),
        ({"denied": [DENIED, DENIED]}, "denial of machine 8 is in it twice"),
        ({"denied": [{**DENIED, "machine_id": "", "host_id": "7"}] * 2}, "denial of host 7 is in it twice"),
        ({"launches": [7]}, "7 is not an object"),
        ({"history": [{"at": "1", "what": "x"}]}, "'1' is not a number"),
        ({"version": 9}, "version 9, this release reads versions up to 8"),
        ({"rollouts": [ROLLOUT, ROLLOUT]}, "rollout of service s is in it twice"),
        ({"claims": {**CLAIMS, "adopted": ["5"], "ignored": ["5"]}}, "decision about instance 5 is in it twice"),
    ],
)
def test_what_is_not_a_state_of_ours_is_refused(damage: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        from_json({**to_json(EMPTY), **damage})


WRONG: dict[type[Any], list[Any]] = {
    str: [None, 7, True, [], {}],
    int: [None, "7", True, 7.0, float("nan"), -1, 2**63, [7]],
    float: [None, "7", True, float("nan"), float("inf"), -float("inf"), -1.0, 10**400, [1.0]],
    bool: [None, 0, 1, "true", []],
    list: [None, 7, "ab", {}, [7], ["ab"]],
}


@pytest.mark.parametrize(
    ("part", "name", "wrong"),
    [(p, n, w) for p, row in ROWS.items() for n, value in row.items() for w in WRONG[type(value)]],
)
def test_no_field_takes_a_value_of_another_type_or_no_finite_number(part: str, name: str, wrong: Any) -> None:
    whole = {**to_json(EMPTY), part: [ROWS[part]]}
    assert to_json(from_json(whole))[part] == ({**ROWS[part], **_lists_are_tuples(ROWS[part])},)
    with pytest.raises(ValueError, match="invalid or unknown field"):
        from_json({**whole, part: [{**ROWS[part], name: wrong}]})


def _lists_are_tuples(row: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) for name, value in row.items() if isinstance(value, list)}


def test_a_whole_number_will_do_for_a_time() -> None:
    state = from_json({**to_json(EMPTY), "records": [{**NEW_RECORD, "at": 7}]})
    assert isinstance(state.records[0].at, float)


@pytest.mark.parametrize(
    ("version", "record"),
    [(1, OLD_RECORD), (2, {**OLD_RECORD, "woken": 2.0, "stranded": 3.0}), (3, {**OLD_RECORD, "woken": 2.0})],
)
def test_a_state_of_an_older_program_is_read(version: int, record: dict[str, Any]) -> None:
    old = {name: value for name, value in to_json(EMPTY).items() if name != "account"}
    state = from_json({**old, "version": version, "records": [record]})
    assert state.account == "", "nobody wrote down whose it is"
    known = state.record(nth(5))
    assert known is not None
    assert (known.certificate, known.published) == ("pem", True)
    assert (known.woken, known.stranded) == (-record.get("woken", 0.0), -record.get("stranded", 0.0)), "nobody's clock"
    assert (known.keys, known.asked) == ((), ()), "it takes the keys it was created with"


def test_a_state_of_the_release_before_knows_no_claims_and_loses_nothing() -> None:
    data = {**to_json(EMPTY), "version": 3, "records": [{**OLD_RECORD, "keys": ["ab" * 32]}]}
    del data["claims"]
    state = from_json(data)
    assert [r.id for r in state.records] == ["5"]
    assert state.claims == Claims()


def test_the_numbers_of_a_state_of_the_release_before_are_its_ids() -> None:
    """Nothing else of it changes, and 0, which stood for a machine that is not known, is no id."""
    old = {
        **to_json(EMPTY),
        "version": 4,
        "account": "424242",
        "records": [{**OLD_RECORD, "machine_id": 0}],
        "tombstones": [{"token": "u", "id": 2**53, "at": 2.0, "reason": "old"}],
        "intents": [{"token": "v", "at": 3.0, "offer_id": 0, "machine_id": 8}],
        "denied": [{"machine_id": 8, "until": 1.0, "reason": "slow"}],
        "claims": {**CLAIMS, "adopted": [5], "ignored": [10, 9]},
    }
    state = from_json(json.loads(json.dumps(old)))
    assert state.records == (InstanceRecord("t", nth(5), "", 1.0, "pem", True),)
    assert state.tombstones == (Tombstone("u", InstanceId("9007199254740992"), 2.0, "old"),)
    assert (state.intents, state.denied) == ((Intent("v", 3.0, "", "8"),), (Denied("8", 1.0, "slow"),))
    assert (state.claims.adopted, state.claims.ignored) == (("5",), ("10", "9"))
    assert from_json(to_json(state)) == state
    assert to_json(state)["version"] == VERSION


def test_a_state_of_the_version_before_has_no_history() -> None:
    old = {**to_json(EMPTY), "version": 6}
    del old["history"]
    assert from_json(old) == EMPTY
    with pytest.raises(ValueError, match="'history' is missing"):
        from_json({**old, "version": VERSION})


@pytest.mark.parametrize("version", [1, 2, 3, 4, 5])
def test_a_state_of_an_earlier_version_has_denials_of_machines_and_no_past_rentals(version: int) -> None:
    old = {**to_json(EMPTY), "version": version, "denied": [{"machine_id": "8", "until": 9.0, "reason": "slow"}]}
    if version <= 4:
        old["denied"] = [{"machine_id": 8, "until": 9.0, "reason": "slow"}]
    del old["launches"], old["failures"], old["history"]
    state = from_json(old)
    assert (state.denied, state.launches) == ((Denied("8", 9.0, "slow"),), ())
    assert from_json(to_json(state)) == state
    del old["deployment"]
    with pytest.raises(ValueError, match="'deployment' is missing"):
        from_json(old)


def test_the_version_before_has_no_failures_and_no_history() -> None:
    old = {**to_json(EMPTY), "version": 6}
    del old["failures"], old["history"]
    assert from_json(old) == EMPTY


@pytest.mark.parametrize("name", ["launches", "failures"])
def test_a_state_of_this_version_without_past_rentals_is_incomplete(name: str) -> None:
    data = to_json(EMPTY)
    del data[name]
    with pytest.raises(ValueError, match=f"'{name}' is missing"):
        from_json(data)


def test_claims_are_remembered_and_kept_while_anything_can_bill() -> None:
    state = EMPTY.claim("first-owner", ["a1"]).put_record(InstanceRecord("t", nth(5), "1001", 1.0))
    assert state.claim("", []).claims == Claims(("first-owner",), ("a1",))
    both = state.claim("second-owner", ["b2"])
    assert both.claims == Claims(("first-owner", "second-owner"), ("a1", "b2"))
    assert both.drop_record(nth(5)).claim("third-owner", ["c3"]).claims == Claims(("third-owner",), ("c3",))
    assert from_json(to_json(both)) == both


def test_what_a_person_decided_lasts_as_long_as_the_instance_is_known() -> None:
    state = EMPTY.put_record(InstanceRecord("t", nth(5), "1001", 1.0)).adopt(nth(5))
    assert state.claims.adopted == ("5",)
    marked = state.mark_for_deletion(Tombstone("t", nth(5), 1.0, "no longer needed"))
    assert marked.claims.adopted == ("5",), "it has to be seen gone yet"
    assert marked.confirm_deleted(nth(5)).claims.adopted == ()
    assert state.drop_record(nth(5)).claims.adopted == ()
    assert state.drop_record(nth(6)) == state
    ignored = marked.ignore(nth(5))
    assert (ignored.claims.ignored, ignored.claims.adopted, ignored.tombstones) == (("5",), (), ())
    assert ignored.adopt(nth(5)).claims.ignored == ()


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
    state = EMPTY.intend(Intent("t", 1.0, "7", "1001"))
    assert state.tokens() == {"t"}
    assert not state.empty()
    state = state.put_record(InstanceRecord("t", nth(5), "1001", 1.0))
    assert state.intents == ()
    assert state.record(nth(5)) == InstanceRecord("t", nth(5), "1001", 1.0)
    assert state.record(nth(6)) is None
    state = state.mark_for_deletion(Tombstone("t", nth(5), 2.0, "old"))
    assert state.records == ()
    assert state.tokens() == {"t"}
    assert not state.empty()
    assert state.confirm_deleted(nth(5)).empty()
    assert state.confirm_deleted(nth(6)) == state


def test_a_tombstone_takes_the_place_of_an_intent_and_of_an_older_tombstone() -> None:
    state = (
        EMPTY.intend(Intent("t", 1.0, "7", "1001"))
        .mark_for_deletion(Tombstone("t", nth(5), 2.0, "a"))
        .mark_for_deletion(Tombstone("t", nth(5), 3.0, "b"))
    )
    assert state.intents == ()
    assert state.tombstones == (Tombstone("t", nth(5), 3.0, "b"),)


def test_a_gone_token_is_marked_and_no_other_is() -> None:
    state = EMPTY.intend(Intent("a", 1.0, "7", "1")).intend(Intent("b", 1.0, "8", "2")).mark_gone("a")
    assert [(i.token, i.gone) for i in state.intents] == [("a", True), ("b", False)]
    assert [i.token for i in state.drop_intent("a").intents] == ["b"]


def test_a_record_is_put_in_place_of_the_one_of_the_same_instance() -> None:
    state = EMPTY.put_record(InstanceRecord("a", nth(1), "1", 1.0)).put_record(InstanceRecord("b", nth(2), "2", 1.0))
    state = state.put_record(InstanceRecord("a", nth(1), "1", 1.0, "pem", True))
    assert [(r.id, r.certificate) for r in state.records] == [("2", ""), ("1", "pem")]
    assert [r.id for r in state.drop_record(nth(2)).records] == ["1"]


def test_a_machine_is_denied_until_its_time_is_over() -> None:
    state = EMPTY.deny(Denied("1", 100.0, "slow"), 50.0).deny(Denied("2", 200.0, "sick"), 60.0)
    assert state.denied_machines(99.0) == {"1", "2"}
    assert state.denied_machines(100.0) == {"2"}
    assert state.deny(Denied("2", 300.0, "again"), 150.0).denied == (Denied("2", 300.0, "again"),)
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
    record = InstanceRecord("t", nth(5), "1001", 1.0, "pem", True, 2.0, 3.0, ("a",), ("b",))
    assert timed(record, 1.0, 2.0, 3.0) == record
    assert timed(record, 7.0, 8.0, 9.0) == replace(record, at=7.0, woken=8.0, stranded=9.0)
