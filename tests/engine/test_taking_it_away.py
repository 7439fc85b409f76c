"""`down`: updates the app first, then destroys every instance and verifies its removal despite faults."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ert_deploy.core.model import steps
from ert_deploy.core.model.desired import Phase, Target
from ert_deploy.core.model.errors import (
    CannotObserve,
    ErtError,
    NeedsAttention,
    OutcomeUnknown,
    Rejected,
    StateConflict,
    Transient,
    UsageError,
)
from ert_deploy.core.model.events import Destroyed, Trouble
from ert_deploy.core.model.labels import Mark
from ert_deploy.core.model.observed import Instance
from ert_deploy.core.model.provider import InstanceId
from tests.support.fakes import behaviours
from tests.support.fakes.history import GONE, WANTED, done, down, is_down, is_up, served, start, told, until, up
from tests.support.fakes.loopback import FakeWorld, blind, world
from tests.support.ids import nth

NAMES = WANTED.targets[0].names
AT_ONCE = replace(WANTED, phase=Phase.ABSENT, apps_first=False)


def paying_for_two() -> tuple[FakeWorld, InstanceId, InstanceId]:
    """Return an environment where one create call made two instances and the run then got SIGKILL."""
    made = world()
    made.gpu.faults.queued["create"] = [OutcomeUnknown("timeout", "twice")]
    until(start(made), made.gpu.paid)
    first, second = made.gpu.paid()
    return made, first, second


def test_down_tells_the_app_lets_requests_finish_and_destroys() -> None:
    made = served()
    gone = made.gpu.only()
    before = len(done(made))
    result = down(made)
    is_down(made)
    assert result.abandoned == ()
    taken = [type(s).__name__ for s in done(made)[before:]]
    assert [*dict.fromkeys(taken)] == ["Publish", "Deploy", "Prove", "Drain", "Retire", "Destroy", "ConfirmDeleted"]
    proven = made.store.state.rollouts[0].proven
    assert gone.destroyed is not None
    assert gone.destroyed >= proven + WANTED.timings.drain
    assert made.web.services["dash"].running[NAMES.enabled].reveal() == "false"


def test_down_now_destroys_before_render_is_even_read_and_tells_the_app_afterwards() -> None:
    made = served()
    gone, before, calls = made.gpu.only(), len(done(made)), len(made.web.faults.calls)
    run = start(made, AT_ONCE)
    while made.gpu.paid():
        run.step()
    assert len(made.web.faults.calls) == calls
    while run.step():
        pass
    is_down(made)
    taken = [type(s).__name__ for s in done(made)[before:]]
    assert [*dict.fromkeys(taken)] == ["Retire", "Destroy", "ConfirmDeleted", "Publish", "Deploy", "Prove"]
    assert gone.destroyed is not None
    assert made.store.state.rollouts[0].proven > gone.destroyed


def test_down_now_says_when_the_app_could_not_be_told() -> None:
    made = served()
    made.web.faults.queued["read_env"] = [CannotObserve("no answer")]
    assert down(made, AT_ONCE).abandoned == (("dash", "no answer"),)
    assert made.gpu.paid() == ()
    assert down(made).abandoned == ()
    is_down(made)


def test_down_twice_is_down_once() -> None:
    made = served()
    down(made)
    before = len(done(made)), made.store.state.generation, len(made.web.services["dash"].deploys)
    down(made)
    assert before == (len(done(made)), made.store.state.generation, len(made.web.services["dash"].deploys))


def test_down_where_nothing_ever_was_waits_once_and_touches_no_service() -> None:
    made = world()
    before = made.clock.time
    down(made)
    assert {type(step).__name__ for step in done(made)} == {"Settle"}
    assert set(made.web.faults.calls) == {"service", "read_env", "fingerprint"}
    assert made.clock.time - before >= WANTED.timings.settle
    made.clock.go_on(30)
    before = made.clock.time
    down(made)
    assert made.clock.time - before < 10, "the state says since when there is one"


def test_a_down_that_meets_another_writer_at_its_first_write_looks_again() -> None:
    made = world()
    made.store.faults.queued["save"] = [StateConflict("somebody wrote")]
    down(made)
    is_down(made)


def test_down_and_up_again() -> None:
    made = served()
    down(made)
    up(made)
    is_up(made)
    down(made)
    is_down(made)


def test_down_after_the_state_was_lost_finds_everything_by_its_marks_and_lets_requests_finish() -> None:
    made = served()
    made.store.lose()
    before = len(done(made))
    down(made)
    is_down(made)
    assert any(isinstance(s, steps.Drain) for s in done(made)[before:])


def test_an_instance_no_app_was_told_about_goes_without_a_drain() -> None:
    made = world()
    until(start(made), lambda: made.store.state.records)
    before = len(done(made))
    down(made)
    is_down(made)
    assert not any(isinstance(s, steps.Drain) for s in done(made)[before:])


@pytest.mark.parametrize(
    "trouble", [CannotObserve("no answer"), UsageError("the key is refused"), Transient("try again")], ids=repr
)
@pytest.mark.parametrize("operation", ["service", "read_env", "put_env", "delete_env", "deploy", "get_deploy"])
def test_when_render_does_not_work_the_instances_go_anyway_and_it_is_said(operation: str, trouble: ErtError) -> None:
    made = served()
    made.web.faults.queued[operation] = [trouble] * 100
    result = down(made)
    assert made.gpu.paid() == ()
    assert made.store.state.empty()
    assert result.abandoned == (("dash", trouble.summary),)
    assert any("could not be updated" in t.what for t in told(made, Trouble))
    made.web.faults.queued.clear()
    assert down(made).abandoned == ()
    is_down(made)


def test_when_one_of_two_services_does_not_work_the_other_one_is_told_all_the_same() -> None:
    made = world("ert", "dash", "admin")
    both = replace(WANTED, targets=(Target("dash"), Target("admin")))
    up(made, both)
    made.web.faults.queued["service"] = [CannotObserve("no answer")]
    result = down(made, both)
    assert [name for name, _ in result.abandoned] == ["dash"]
    assert NAMES.url in made.web.services["dash"].env
    assert NAMES.url not in made.web.services["admin"].env
    assert made.gpu.paid() == ()


def test_a_suspended_service_does_not_keep_the_bill_running() -> None:
    made = served()
    made.web.services["dash"].suspended = "by Render"
    (abandoned,) = down(made).abandoned
    assert "is suspended (by Render)" in abandoned[1]
    assert made.gpu.paid() == ()


def test_an_app_that_cannot_be_deployed_without_the_backend_is_not_pointed_at_it_again() -> None:
    made = served()
    made.web.ending = "update_failed"
    (abandoned,) = down(made).abandoned
    assert "finished as update_failed" in abandoned[1]
    assert made.gpu.paid() == ()
    assert NAMES.url not in made.web.services["dash"].env


def test_the_state_of_another_run_does_not_make_down_give_up_on_an_app() -> None:
    made = served()
    made.store.faults.queued["save"] = [StateConflict("somebody wrote")] * 3
    assert down(made).abandoned == ()
    is_down(made)


def test_an_instance_that_is_listed_for_a_while_after_it_was_destroyed_is_waited_for() -> None:
    made = served()
    made.gpu.lingers = 45
    down(made)
    is_down(made)
    assert len(told(made, Destroyed)) == 1


@pytest.mark.parametrize(
    "trouble", [Transient("busy"), CannotObserve("no answer"), Rejected("no"), Transient("x", "after")]
)
def test_a_destroy_that_fails_is_repeated(trouble: ErtError) -> None:
    made = served()
    made.gpu.faults.queued["destroy"] = [trouble] * 5
    down(made)
    is_down(made)


def test_a_destroy_that_keeps_failing_needs_a_person_and_is_never_forgotten() -> None:
    made = served()
    made.gpu.faults.queued["destroy"] = [Transient("busy")] * 10
    with pytest.raises(NeedsAttention, match="still exists after 240 s") as asked:
        down(made)
    assert asked.value.exit_code == 5
    (paid,) = made.gpu.paid()
    assert [t.id for t in made.store.state.tombstones] == [paid]
    down(made)
    is_down(made)


def test_up_finishes_a_destruction_that_was_left_before_it_rents() -> None:
    made = served()
    made.gpu.faults.queued["destroy"] = [Transient("busy")] * 8
    with pytest.raises(NeedsAttention):
        down(made)
    up(made)
    is_up(made)
    assert made.gpu.most_paid == 1


def test_one_instance_that_will_not_go_does_not_keep_the_other_one_alive() -> None:
    made, first, second = paying_for_two()
    honest = made.gpu.destroy

    def destroy(instance_id: InstanceId) -> None:
        if instance_id == first:
            raise Transient("the host does not answer")
        honest(instance_id)

    made.gpu.destroy = destroy  # type: ignore[method-assign]
    with pytest.raises(NeedsAttention, match=f"instance {first} "):
        down(made)
    assert made.gpu.paid() == (first,)
    assert [t.id for t in made.store.state.tombstones] == [first], f"{second} was seen gone"


def test_both_instances_of_one_create_call_are_taken_away() -> None:
    made, _, _ = paying_for_two()
    down(made)
    is_down(made)


def test_absence_is_not_believed_before_the_second_proof() -> None:
    made = served()
    made.gpu.faults.queued["get"] = [CannotObserve("no answer")] * 3
    down(made)
    is_down(made)
    made = served()
    run = start(made, GONE)
    while not made.store.state.tombstones:
        run.step()
    made.gpu.hidden = 1e9  # the list omits it while it still exists
    for _ in range(60):
        run.step()
    assert made.store.state.tombstones
    made.gpu.hidden = 0
    run.finish()
    is_down(made)


def test_a_list_that_fails_never_means_that_nothing_is_there() -> None:
    made = served()
    made.gpu.faults.queued["list"] = blind(1)
    with pytest.raises(CannotObserve):
        down(made)
    assert len(made.gpu.paid()) == 1
    assert made.store.state.records


def test_a_tombstone_is_no_leave_to_destroy_what_lost_our_marks() -> None:
    made = served()
    until(start(made, GONE), lambda: made.store.state.tombstones)
    behaviours.without_environment(made.gpu.only())
    result = down(made)
    assert [u.instance.id for u in result.situation.undecided] == list(made.gpu.paid())
    assert len(made.gpu.paid()) == 1
    assert made.store.state.tombstones


def test_other_deployments_live_on() -> None:
    made = served()
    made.gpu.foreign = [Instance(nth(901), Mark("other", "ab" * 16), "other"), Instance(nth(902), None, "ert")]
    result = down(made)
    is_down(made)
    assert [i.id for i in result.situation.observed.instances] == ["901", "902"]
    assert [u.instance.id for u in result.situation.undecided] == ["902"]
