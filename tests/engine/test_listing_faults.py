"""Faults of the instance list: it fails, or it does not contain an existing instance."""

from __future__ import annotations

import pytest

from ert_deploy.core.model.errors import CannotObserve, NeedsAttention
from ert_deploy.core.model.events import Destroyed, Trouble, Waiting
from tests.support.fakes.history import WANTED, down, is_up, told, up
from tests.support.fakes.loopback import blind, world


def test_a_list_that_fails_at_the_first_look_is_an_error_and_nothing_was_done() -> None:
    made = world()
    made.gpu.faults.queued["list"] = blind(1)
    with pytest.raises(CannotObserve):
        up(made)
    assert made.gpu.instances == {}
    assert made.store.state.generation == 0
    assert made.web.faults.calls == []


def test_a_list_that_fails_later_is_ridden_out_six_times() -> None:
    made = world()
    made.gpu.faults.queued["list"] = [None, None, *blind(6)]
    up(made)
    is_up(made)
    assert len(told(made, Trouble)) == 6


def test_a_list_that_fails_seven_times_is_an_error_and_what_is_paid_stays_known() -> None:
    made = world()
    made.gpu.faults.queued["list"] = [None, None, *blind(7)]
    with pytest.raises(CannotObserve):
        up(made)
    (paid,) = made.gpu.paid()
    assert [r.id for r in made.store.state.records] == [paid]
    up(made)
    is_up(made)
    assert len(made.gpu.instances) == 1


def test_failures_in_a_row_are_counted_anew_after_a_good_look() -> None:
    made = world()
    made.gpu.faults.queued["list"] = [None, None, *blind(5), None, *blind(5)]
    up(made)
    is_up(made)


def test_an_instance_that_vanishes_is_replaced_after_two_proofs() -> None:
    made = world()
    up(made)
    made.clock.sleep(WANTED.timings.settle)
    made.gpu.only().destroyed = made.clock.now()
    up(made)
    is_up(made)
    assert len(told(made, Destroyed)) == 1
    assert "get" in made.gpu.faults.calls


def test_an_instance_that_is_missing_in_one_listing_alone_is_not_forgotten() -> None:
    made = world()
    up(made)
    first = made.gpu.only()
    made.gpu.hidden = made.clock.now() - first.made + 5
    up(made)
    is_up(made)
    assert made.gpu.only() is first
    assert told(made, Waiting)


def test_one_that_is_still_there_by_id_and_not_listed_any_more_is_not_forgotten() -> None:
    made = world()
    up(made)
    made.gpu.hidden = 1e9
    for command in (up, down):
        with pytest.raises(NeedsAttention, match="still exists after 240 s") as asked:
            command(made)
        assert "no longer listed" in asked.value.detail
        assert "read by id: running" in asked.value.detail
        assert asked.value.exit_code == 5
    assert len(made.gpu.paid()) == 1
