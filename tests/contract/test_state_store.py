"""Contract of the state store: one suite for those in memory, the simulator's, the local file, S3, and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ert_deploy.core.model.errors import StateConflict
from ert_deploy.core.model.state import State
from tests.support.contract.state_stores import IN_MEMORY, STORES, Rig, file, in_postgres, s3
from tests.support.doubles import moto_s3
from tests.support.ids import nth
from tests.support.state.shelf import FULL


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    with moto_s3.connected() as made:
        yield made


@pytest.fixture(params=STORES)
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    if request.param in IN_MEMORY:
        opened = IN_MEMORY[request.param]()
    elif request.param == "file":
        opened = file(tmp_path)
    elif request.param == "postgres":
        opened = in_postgres(request.getfixturevalue("database"))
    else:
        made = request.getfixturevalue("client")
        opened = s3(made, moto_s3.bucket(made))
    with opened as found:
        yield found


def empty(rig: Rig) -> State:
    """The state before anything was saved: nothing in it but its deployment (and, in the simulator, an owner)."""
    found = rig.handle().load()
    assert (found.deployment, found.generation, found.intents, found.records) == ("ert", 0, (), ())
    return found


def test_before_the_first_save_it_is_empty(rig: Rig) -> None:
    assert empty(rig) == rig.handle().load()


def test_what_was_saved_is_loaded_by_every_operator_one_generation_higher(rig: Rig) -> None:
    empty(rig)
    saved = rig.handle().save(FULL)
    assert saved == replace(FULL, generation=1)
    assert rig.handle().load() == saved
    second = rig.handle().save(saved.drop_record(nth(5)))
    assert second == replace(saved.drop_record(nth(5)), generation=2)
    assert rig.handle().load() == second


def test_a_write_on_an_old_generation_is_refused_and_changes_nothing(rig: Rig) -> None:
    first, second = rig.handle(), rig.handle()
    mine, theirs = first.load(), second.load()
    saved = first.save(mine.intend(FULL.intents[0]))
    with pytest.raises(StateConflict):
        second.save(theirs.deny(FULL.denied[0], 0.0))
    with pytest.raises(StateConflict):
        second.save(replace(theirs, generation=7))
    assert second.load() == saved
    assert second.save(saved.drop_intent("a" * 32)).generation == 2


def test_the_lock_keeps_nobody_from_reading_or_writing_and_is_released(rig: Rig) -> None:
    for turn in range(2):
        with rig.handle().lock(f"run-{turn}"):
            assert rig.handle().save(rig.handle().load()).generation == turn + 1
            assert rig.handle().load().generation == turn + 1


def test_a_run_that_fails_leaves_the_lock(rig: Rig) -> None:
    with pytest.raises(KeyError), rig.handle().lock("run-1"):
        raise KeyError("the run failed")
    with rig.handle().lock("run-2"):
        assert rig.handle().load().generation == 0
