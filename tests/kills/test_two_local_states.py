"""Two directories with the same config and separate states, as on two machines: instances are found by `Mark`."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.kills.invariants import books, end, is_down, is_up, nothing_lost
from tests.kills.runner import Ended, Nursery
from tests.kills.stage import Desk, Stage

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(280)]


def elsewhere(world: Stage, nursery: Nursery) -> Desk:
    desk = world.another_desk("elsewhere")
    desk.nursery = nursery
    return desk


def at_once(*runs: Any) -> list[Ended]:
    """Run commands concurrently and return their results."""
    with ThreadPoolExecutor(len(runs)) as pool:
        return [future.result() for future in [pool.submit(run) for run in runs]]


def test_the_second_folder_adopts_what_the_first_has_rented(world: Stage, second_nursery: Nursery) -> None:
    other = elsewhere(world, second_nursery)
    world.desk.ert("up")
    before = world.variables()
    other.ert("up")
    assert len(world.ours()) == 1, "it was rented twice"
    assert world.variables() == before
    for desk in (world.desk, other):
        assert end(world, desk) == end(world)
        nothing_lost(world, desk)
    is_up(world)


def test_down_from_the_other_folder_takes_it_away_and_the_first_one_notices(
    world: Stage, second_nursery: Nursery
) -> None:
    other = elsewhere(world, second_nursery)
    world.desk.ert("up")
    other.ert("down")
    assert world.existing() == []
    world.desk.ert("down")
    is_down(world)
    world.desk.ert("up")
    is_up(world)
    assert len(world.ours()) == 2
    books(world)


def test_another_config_in_the_other_folder_replaces_it_and_both_agree(world: Stage, second_nursery: Nursery) -> None:
    other = elsewhere(world, second_nursery)
    world.desk.ert("up")
    other.configure(world.directory, context=4096)
    other.ert("up")
    assert [c.order.env["OLLAMA_CONTEXT_LENGTH"] for c in world.existing()] == ["4096"]
    world.desk.configure(world.directory, context=4096)
    world.desk.ert("up")
    assert len(world.ours()) == 2
    is_up(world)
    books(world)


def test_two_ups_at_once_end_with_one_and_never_pay_more_than_two(world: Stage, second_nursery: Nursery) -> None:
    other = elsewhere(world, second_nursery)
    ends = at_once(lambda: world.desk.run("up"), lambda: other.run("up"))
    for ended in ends:
        assert ended.code in (0, 1, 5), ended.said
        assert "Traceback" not in ended.said
    world.desk.ert("up")
    is_up(world)
    books(world)
    nothing_lost(world)
    other.ert("up")
    is_up(world)
    nothing_lost(world, other)


def test_an_up_and_a_down_at_once_lose_nothing(world: Stage, second_nursery: Nursery) -> None:
    other = elsewhere(world, second_nursery)
    world.desk.ert("up")
    at_once(lambda: world.desk.run("up"), lambda: other.run("down"))
    nothing_lost_by_marks(world)
    other.ert("down")
    assert world.existing() == []
    world.desk.ert("down")
    is_down(world)
    books(world)


def nothing_lost_by_marks(world: Stage) -> None:
    """Check that every existing instance can be found without a state."""
    for contract in world.existing():
        assert contract.label is not None
        assert contract.order.env["ERT_TOKEN"] == contract.label.rpartition(":")[2]
