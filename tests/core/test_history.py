"""History: which events lie between two states, and how many are kept."""

from __future__ import annotations

from dataclasses import replace

from ert_deploy.core.model.log.happened import MOST_HISTORY, Happened
from ert_deploy.core.model.log.transitions import remembered, transitions
from ert_deploy.core.model.state import Denied, InstanceRecord, Intent, Rollout, State, Tombstone
from tests.support.ids import nth

EMPTY = State("ert")
RECORD = InstanceRecord("t", nth(5), "1001", 1.0)
COSTS = {nth(5): 0.25}


def between(before: State, after: State) -> list[tuple[str, str, float]]:
    return [(one.what, one.instance, one.cost) for one in transitions(before, after, 9.0, COSTS)]


def test_a_rental_is_told_from_an_instance_that_was_found() -> None:
    asked = EMPTY.intend(Intent("t", 1.0, "7", "1001"))
    assert between(EMPTY, asked) == []
    assert between(asked, asked.put_record(RECORD)) == [("rented", "5", 0.0)]
    assert between(EMPTY, EMPTY.put_record(replace(RECORD, machine_id=""))) == [("found", "5", 0.0)]
    (one,) = transitions(asked, asked.put_record(RECORD), 9.0, COSTS)
    assert one == Happened(9.0, "rented", "5", "machine 1001")


def test_what_changes_on_an_instance_is_an_event_with_its_cost() -> None:
    before = EMPTY.put_record(replace(RECORD, keys=("a" * 64,)))
    changes = [
        ("ready", {"certificate": "pem"}),
        ("published", {"published": True}),
        ("started", {"woken": 3.0}),
        ("stranded", {"stranded": 3.0}),
        ("keys", {"keys": ("b" * 64,)}),
    ]
    for what, fields in changes:
        after = before.put_record(replace(before.records[0], **fields))  # type: ignore[arg-type]
        assert between(before, after) == [(what, "5", 0.25)]
    served = before.put_record(replace(before.records[0], published=True, woken=3.0, stranded=4.0))
    back = served.put_record(replace(served.records[0], published=False, woken=0.0, stranded=0.0, keys=()))
    assert between(served, back) == [("withdrawn", "5", 0.25)]


def test_the_end_of_an_instance_has_a_reason_and_a_cost() -> None:
    there = EMPTY.put_record(RECORD)
    marked = there.mark_for_deletion(Tombstone("t", nth(5), 2.0, "replaced"))
    (one,) = transitions(there, marked, 9.0, COSTS)
    assert (one.what, one.why, one.cost) == ("destroying", "replaced", 0.25)
    assert between(marked, marked) == []
    assert between(marked, marked.confirm_deleted(nth(5))) == [("destroyed", "5", 0.25)]
    assert between(there, there.drop_record(nth(5))) == [("gone", "5", 0.25)]


def test_deploys_of_apps_and_denials_are_events() -> None:
    first = EMPTY.put_rollout(Rollout("srv-1", "f" * 16, "dep-1", 1.0))
    proven = first.put_rollout(replace(first.rollouts[0], proven=2.0))
    again = proven.put_rollout(replace(proven.rollouts[0], deploy_id="dep-2"))
    other = proven.put_rollout(replace(proven.rollouts[0], fingerprint="e" * 16))
    assert between(EMPTY, first) == [("deployed", "", 0.0)]
    assert between(first, proven) == [("proven", "", 0.0)]
    assert between(EMPTY, proven) == [("deployed", "", 0.0), ("proven", "", 0.0)]
    assert between(proven, again) == between(proven, other) == [("deployed", "", 0.0)]
    denied = EMPTY.deny(Denied("8", 9e9, "slow"), 1.0)
    (one,) = transitions(EMPTY, denied, 9.0, COSTS)
    assert (one.what, one.why) == ("denied", "machine 8: slow")
    assert between(denied, denied) == []


def test_the_history_is_bounded_and_the_newest_are_kept() -> None:
    assert remembered(EMPTY, ()) is EMPTY
    state = EMPTY
    for number in range(MOST_HISTORY + 5):
        state = remembered(state, [Happened(float(number), "rented")])
    assert [one.at for one in state.history] == [float(n) for n in range(5, MOST_HISTORY + 5)]
