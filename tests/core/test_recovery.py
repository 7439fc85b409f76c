"""Recovery without a state: rebuild from `Mark`, and instances without a record."""

from __future__ import annotations

from ert_deploy.core.model.labels import Mark
from ert_deploy.core.model.observed import Instance
from ert_deploy.core.model.state import LONG_AGO, InstanceRecord, State
from ert_deploy.core.planning.adoption import adopted, known, rebuilt, strays
from ert_deploy.core.planning.marks import sort_out
from tests.support.ids import nth
from tests.support.situations import NOW, UP, instance, intent, record, stopped, token, tombstone

STRANGERS = (
    instance(7, mark=None),
    instance(8, mark=None, claims=None),
    instance(9, mark=Mark("other", token(9))),
)


def ours_of(*instances: Instance, state: State | None = None) -> tuple[Instance, ...]:
    return sort_out(UP, instances, state or State("ert"), frozenset()).ours


def test_a_rebuilt_state_knows_every_instance_with_both_marks_and_no_other() -> None:
    state = rebuilt("ert", ours_of(instance(2), *STRANGERS, instance(1)), NOW)
    known = (InstanceRecord(token(1), nth(1), "1001", -NOW), InstanceRecord(token(2), nth(2), "1002", -NOW))
    assert state == State("ert", 0, records=known, begun=-NOW), "by a clock that is compared with nothing"


def test_a_stopped_one_that_no_state_knows_may_have_been_asked_to_start() -> None:
    assert rebuilt("ert", (stopped(1),), NOW).records == (
        InstanceRecord(token(1), nth(1), "1001", -NOW, woken=LONG_AGO),
    )


def test_one_that_may_serve_and_that_no_state_knows_may_have_been_published() -> None:
    assert adopted(instance(1), NOW, may_serve=True) == InstanceRecord(token(1), nth(1), "1001", NOW, published=True)


def test_of_nothing_an_empty_state_is_rebuilt() -> None:
    assert rebuilt("ert", ours_of(*STRANGERS), NOW) == State("ert", begun=-NOW)


def test_a_stray_has_both_marks_and_neither_record_nor_intent() -> None:
    state = State("ert", 3, (intent(2, 5),), (record(1),), (tombstone(3),))
    listed = (instance(5), instance(1), instance(2), instance(3), *STRANGERS)
    assert [i.id for i in strays(ours_of(*listed, state=state), state)] == ["3", "5"]


def test_a_twin_of_the_same_create_call_is_a_stray_once_the_other_one_has_the_record() -> None:
    twin = instance(2, mark=Mark("ert", token(1)))
    assert [i.id for i in strays((instance(1), twin), State("ert", 3, records=(record(1),)))] == ["2"]


def test_a_create_on_watch_only_is_still_known() -> None:
    assert known(State("ert", intents=(intent(1, 5, gone=True),)), nth(1), token(1))
