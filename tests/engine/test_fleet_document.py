"""Document of a fleet: writes of one part beside those of other parts, and of the same part."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ert_deploy.core.model.errors import Failed, StateConflict
from ert_deploy.core.model.state import State
from ert_deploy.engine.effects import Effects
from ert_deploy.engine.fleet.document import TRIES, Document
from tests.support.fakes.history import Process
from tests.support.fakes.loopback import FakeWorld, world


def do(made: FakeWorld, effects: Effects[object]) -> object:
    def to_the_end() -> Effects[bool]:
        found.append((yield from effects))
        return True

    found: list[object] = []
    Process(made, to_the_end()).finish()
    return found[0]


def loaded(made: FakeWorld, replica: int) -> tuple[Document, State]:
    document = Document()
    part = do(made, document.load(replica))
    assert isinstance(part, State)
    return document, part


def account(part: State, name: str) -> State:
    return replace(part, account=name)


def test_a_write_of_another_part_does_not_disturb() -> None:
    made = world()
    mine, second = loaded(made, 2)
    theirs, third = loaded(made, 3)
    do(made, theirs.save(3, account(third, "3")))
    do(made, mine.save(2, account(second, "2")))
    assert [(part.deployment, part.account) for part in made.store.state.replicas] == [("ert.2", "2"), ("ert.3", "3")]


def test_a_write_of_the_same_part_is_a_conflict_and_is_not_lost() -> None:
    made = world()
    mine, second = loaded(made, 2)
    theirs, same = loaded(made, 2)
    do(made, theirs.save(2, account(same, "theirs")))
    with pytest.raises(StateConflict, match="the state of this replica"):
        do(made, mine.save(2, account(second, "mine")))
    assert made.store.state.replicas[0].account == "theirs"


def test_a_save_that_the_newest_document_does_not_allow_is_a_conflict() -> None:
    made = world()
    mine, second = loaded(made, 2)
    theirs, third = loaded(made, 3)
    do(made, theirs.save(3, account(third, "3")))

    def alone(document: State) -> str:
        return "another one is there" if document.replicas else ""

    with pytest.raises(StateConflict, match="another one is there"):
        do(made, mine.save(2, account(second, "2"), alone))


def test_somebody_who_never_stops_writing_is_a_conflict() -> None:
    made = world()
    mine, second = loaded(made, 2)
    made.store.faults.queued["save"] = [StateConflict("somebody wrote")] * TRIES
    with pytest.raises(StateConflict, match="keep writing"):
        do(made, mine.save(2, account(second, "2")))


def test_a_part_that_was_written_since_or_is_not_there_is_not_dropped() -> None:
    made = world()
    assert list(Document().drop(2)) == []
    mine, second = loaded(made, 2)
    assert list(mine.drop(2)) == []
    do(made, mine.save(2, account(second, "2")))
    theirs, same = loaded(made, 2)
    do(made, theirs.save(2, account(same, "theirs")))
    do(made, mine.load(3))
    assert list(mine.drop(2)) == []
    assert len(made.store.state.replicas) == 1
    made.store.faults.queued["save"] = [Failed("no disk")]
    do(made, theirs.drop(2))
    assert len(made.store.state.replicas) == 1
    do(made, theirs.drop(2))
    assert not made.store.state.replicas


def test_the_first_replica_goes_on_after_a_part_was_dropped() -> None:
    made = world()
    mine, first = loaded(made, 1)
    do(made, mine.save(1, account(first, "1")))
    second = do(made, mine.load(2))
    assert isinstance(second, State)
    do(made, mine.save(2, account(second, "2")))
    newest = do(made, mine.load(1))
    assert isinstance(newest, State)
    do(made, mine.load(2))
    do(made, mine.drop(2))
    do(made, mine.save(1, account(newest, "again")))
    assert (made.store.state.account, made.store.state.replicas) == ("again", ())


def test_the_same_document_is_the_same_part() -> None:
    made = world()
    mine, second = loaded(made, 2)
    assert do(made, mine.load(2)) is second
