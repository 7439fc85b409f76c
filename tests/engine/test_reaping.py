"""`reap`: removes instances without a record, by the same ownership rules as `down`, and changes no other instance."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ert_deploy.core.model.errors import CannotObserve, NeedsAttention, StateConflict, Transient
from ert_deploy.core.model.events import Destroyed, Trouble
from ert_deploy.core.model.labels import Mark
from ert_deploy.core.model.observed import Instance
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.state import InstanceRecord, Intent
from ert_deploy.engine import reap as reaping
from ert_deploy.engine.records.history import write_end
from ert_deploy.engine.run import run
from ert_deploy.engine.run_context import RunMemory
from tests.support.fakes.history import WANTED, Process, down, is_down, is_up, told, up
from tests.support.fakes.loopback import FakeWorld, world
from tests.support.fakes.random_faults import neighbours


def forgotten() -> tuple[FakeWorld, InstanceId]:
    """Return an environment with a running instance and those of other deployments, without the state."""
    made = world()
    neighbours(made)
    up(made)
    made.store.lose()
    return made, made.gpu.only().id


def find(made: FakeWorld) -> reaping.Found:
    return Process(made, reaping.find(WANTED)).finish()


def both(made: FakeWorld) -> tuple[Instance, ...]:
    """Return all strays, including those with a responding backend."""
    found = find(made)
    return (*found.strays, *found.serving)


def reap(made: FakeWorld, *chosen: Instance) -> tuple[InstanceId, ...]:
    return Process(made, reaping.reap(chosen, 10.0)).finish()


def test_what_the_state_knows_is_no_stray() -> None:
    made = world()
    neighbours(made)
    up(made)
    found = find(made)
    assert (found.strays, found.serving, found.blank) == ((), (), False)
    assert [u.instance.id for u in found.undecided] == ["902"], "a label alone"


def test_with_the_state_lost_the_instance_is_a_stray_and_it_is_said_that_there_is_no_state() -> None:
    made, number = forgotten()
    found = find(made)
    assert found.blank
    assert [i.id for i in found.serving] == [number], "it proves its identity and serves"
    assert found.strays == ()
    made.gpu.only().halted = True
    assert [i.id for i in find(made).strays] == [number]


def test_a_state_with_nothing_but_the_error_of_a_first_up_counts_as_none() -> None:
    made, _ = forgotten()
    run(write_end("the service dash is suspended", WANTED, RunMemory()), made.ports)
    assert made.store.state.generation == 1
    assert find(made).blank
    up(made)
    assert not find(made).blank


def test_a_stray_is_destroyed_and_seen_gone_and_nothing_else_is_touched() -> None:
    made, number = forgotten()
    made.gpu.lingers = 45.0
    assert reap(made, *both(made)) == (number,)
    assert made.gpu.paid() == ()
    assert made.store.state.empty()
    assert [d.instance_id for d in told(made, Destroyed)] == [number]
    assert both(made) == ()


def test_a_list_that_cannot_be_read_ends_it_before_anything_happens() -> None:
    made, number = forgotten()
    chosen = both(made)
    made.gpu.faults.queued["list"] = [CannotObserve("no answer")]
    with pytest.raises(CannotObserve):
        find(made)
    made.gpu.faults.queued["list"] = [CannotObserve("no answer")]
    with pytest.raises(CannotObserve):
        reap(made, *chosen)
    assert made.gpu.paid() == (number,)
    assert made.store.state.generation == 0


def test_trouble_on_the_way_is_ridden_out() -> None:
    made, number = forgotten()
    chosen = both(made)
    made.gpu.faults.queued["destroy"] = [Transient("busy"), CannotObserve("no answer")]
    made.gpu.faults.queued["list"] = [None, CannotObserve("no answer")]
    made.gpu.faults.queued["get"] = [CannotObserve("no answer")]
    made.store.faults.queued["save"] = [None, StateConflict("somebody wrote")]
    assert reap(made, *chosen) == (number,)
    assert len(told(made, Trouble)) == 5
    assert made.store.state.empty()


def test_what_cannot_be_seen_gone_is_named_and_stays_marked() -> None:
    made, number = forgotten()
    made.gpu.faults.queued["destroy"] = [Transient("busy")] * 999
    with pytest.raises(NeedsAttention, match=f"instance {number} cannot be seen gone"):
        reap(made, *both(made))
    assert [t.id for t in made.store.state.tombstones] == [number]
    made.gpu.faults.queued.clear()
    assert reap(made, *both(made)) == (number,), "what is marked and still there is a stray"


@pytest.mark.parametrize("how", ["record", "intent"])
def test_one_that_a_run_has_taken_up_since_is_left_alone(how: str) -> None:
    made, number = forgotten()
    chosen = both(made)
    state, mark = made.store.state, chosen[0].mark
    assert mark is not None
    if how == "record":
        made.store.save(state.put_record(InstanceRecord(mark.token, number, "1001", 0.0)))
    else:
        made.store.save(state.intend(Intent(mark.token, 0.0, "1", "1001")))
    assert reap(made, *chosen) == ()
    assert made.gpu.paid() == (number,)


def test_one_whose_marks_have_changed_or_that_never_had_any_is_left_alone() -> None:
    made, number = forgotten()
    chosen = both(made)
    made.gpu.only().override = lambda i: replace(i, mark=Mark("ert", "e" * 32))
    assert reap(made, *chosen, made.gpu.foreign[1]) == ()
    assert made.gpu.paid() == (number,)


def test_one_that_went_by_itself_is_seen_gone_all_the_same() -> None:
    made, number = forgotten()
    chosen = both(made)
    made.gpu.destroy(number)
    assert reap(made, *chosen) == (number,)


def test_one_that_a_listing_leaves_out_is_not_taken_for_gone() -> None:
    made, number = forgotten()
    chosen = both(made)
    made.gpu.hidden = made.clock.now() - made.gpu.only().made + 5.0
    assert reap(made, *chosen) == (number,)
    assert made.gpu.paid() == ()


def test_two_strays_go_together() -> None:
    made, _ = forgotten()
    up(made, most=3)
    made.store.lose()
    first = both(made)[0]
    twin = made.gpu.create(replace(made.gpu.instances[first.id].order, offer_id="9"))
    assert sorted(reap(made, *both(made))) == [first.id, twin]
    assert made.gpu.paid() == ()


def test_an_up_that_adopts_at_the_same_time_and_a_reap_do_not_both_win() -> None:
    """The first write wins: the instance is either kept with its record, or removed without a record."""
    from tests.support.fakes.history import start

    for steps in range(0, 30, 2):
        made, number = forgotten()
        run, reaper = start(made), Process(made, reaping.reap(both(made), 10.0))
        for _ in range(steps):
            run.step()
        while not reaper.ended and reaper.step():
            pass
        assert reaper.error is None
        run.finish()
        is_up(made)
        kept = made.gpu.only().id == number
        assert kept == (reaper.result == ())
        down(made)
        is_down(made)


def test_killed_at_any_effect_and_run_again_leaves_nothing() -> None:
    after = 0
    while True:
        made, _ = forgotten()
        run = Process(made, reaping.reap(both(made), 10.0))
        if not run.die(after):
            break
        reap(made, *both(made))
        assert made.gpu.paid() == ()
        after += 1
    assert after > 5
