"""Key rotation: no new instance, no rejected request; after SIGKILL at any step, the next run leaves one key."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from ert_deploy.core.model.desired import Desired
from ert_deploy.core.model.errors import Failed, NeedsAttention, Rejected, StateConflict, Transient, UsageError
from ert_deploy.core.model.events import KeysSet
from tests.support.fakes import behaviours
from tests.support.fakes.history import (
    OTHER,
    WANTED,
    Process,
    down,
    is_down,
    is_up,
    kill_points,
    served,
    start,
    told,
    up,
)
from tests.support.fakes.loopback import FakeWorld, certificate
from tests.support.fakes.rotation import BOTH, held, nobody_is_refused, one_key, rotating, to_the_end
from tests.support.fakes.sleep import SLEEP
from tests.support.nightly import nightly

WRITES = {"put_env", "delete_env", "deploy", "set_keys", "create", "destroy", "start", "stop", "save"}
EVERY = [False, *nightly(True)]


def test_another_key_on_the_same_instance() -> None:
    made = served()
    number, (old,) = made.gpu.only().id, made.gpu.only().keys
    done = to_the_end(rotating(made))
    (new,) = made.gpu.only().keys
    one_key(made)
    assert made.gpu.only().id == number
    assert made.backend.changes == [(old,), (old, new), (new,)]
    assert (done.before, done.after) == (old[:8], new[:8])
    assert old != new
    assert [event.names for event in told(made, KeysSet)] == [(old[:8],), (old[:8], new[:8]), (new[:8],)]


def test_the_old_key_goes_only_when_requests_with_it_are_over() -> None:
    made = served()
    process, proven, dropped = rotating(made), 0.0, 0.0
    while process.step():
        proven = max(proven, *(r.proven for r in made.store.state.rollouts), 0.0)
        dropped = dropped or (made.clock.now() if len(made.backend.changes) == 3 else 0.0)
    assert dropped - proven >= WANTED.timings.drain


def test_afterwards_nothing_is_left_to_do() -> None:
    made = served()
    to_the_end(rotating(made))
    before = len(made.web.faults.calls), list(made.backend.changes), made.store.state
    up(made)
    assert made.backend.changes == before[1]
    assert made.store.state == before[2]
    assert not WRITES & set(made.web.faults.calls[before[0] :])


def test_twice_gives_two_new_keys() -> None:
    made = served()
    first, second = to_the_end(rotating(made)), to_the_end(rotating(made))
    assert first.after == second.before
    assert len({first.before, first.after, second.after}) == 3
    one_key(made)


@pytest.mark.process
@pytest.mark.parametrize("every", EVERY)
@pytest.mark.parametrize("desired", [WANTED, BOTH], ids=["one app", "two apps"])
def test_killed_after_any_effect_every_app_works_and_up_leaves_one_key(desired: Desired, every: bool) -> None:
    to_the_end(rotating(served(desired), desired))
    rehearsal = rotating(served(desired), desired)
    points = kill_points(rehearsal, every=every)
    assert rehearsal.done > 40
    for effects in points:
        made = served(desired)
        number = made.gpu.only().id
        assert rotating(made, desired).die(effects)
        nobody_is_refused(made)
        following = start(made, desired)
        while following.step():
            nobody_is_refused(made)
        following.finish()
        one_key(made, desired)
        assert made.gpu.only().id == number, f"killed after effect {effects}"


@pytest.mark.process
@pytest.mark.parametrize("every", EVERY)
def test_killed_after_any_effect_another_rotation_gives_another_key(every: bool) -> None:
    for effects in kill_points(rotating(served()), every=every):
        made = served()
        before = held(made)
        rotating(made).die(effects)
        to_the_end(rotating(made))
        one_key(made)
        assert not before & held(made)
        down(made)
        is_down(made)


def test_killed_between_two_apps_both_come_to_the_new_key() -> None:
    made = served(BOTH)
    (old,) = held(made)
    process = rotating(made, BOTH)
    while len(held(made)) == 1:
        process.step()
    (new,) = held(made) - {old}
    up(made, BOTH)
    one_key(made, BOTH)
    assert held(made) == {new}


REFUSALS: dict[str, tuple[Callable[[FakeWorld], object], str]] = {
    "nothing is there": (down, "there is no key to change: no instance of ert exists"),
    "asleep": (lambda made: up(made, SLEEP), "ert is asleep"),
    "an impostor": (
        lambda made: behaviours.impostor(made.gpu.only()),
        "no backend of ert serves now as configured",
    ),
    "unreachable": (lambda made: behaviours.unreachable(made.gpu.only()), "no backend of ert serves now"),
    "it runs another config": (lambda made: up(made, OTHER), "no backend of ert serves now as configured"),
}


@pytest.mark.parametrize("refusal", REFUSALS)
def test_where_nothing_serves_it_is_refused_and_nothing_is_touched(refusal: str) -> None:
    prepare, says = REFUSALS[refusal]
    made = served()
    prepare(made)
    faults = (made.gpu.faults, made.web.faults, made.backend.faults)
    state, before = made.store.state, [len(plans.calls) for plans in faults]
    with pytest.raises(UsageError, match=says) as refused:
        rotating(made).finish()
    assert "ert-deploy" in refused.value.hint
    assert made.store.state == state
    for plans, calls in zip(faults, before, strict=True):
        assert not WRITES & set(plans.calls[calls:])


def test_a_backend_from_before_keys_could_be_changed_is_left_as_it_is() -> None:
    made = served()
    keys, state, env = made.gpu.only().keys, made.store.state, dict(made.web.services["dash"].env)
    made.backend.faults.queued["keys_in_force"] = [Rejected("/admin/keys answered 404")]
    with pytest.raises(Failed, match="answered 404") as failed:
        rotating(made).finish()
    assert "image" in failed.value.hint
    assert (made.gpu.only().keys, made.store.state, made.web.services["dash"].env) == (keys, state, env)


@pytest.mark.parametrize("call", ["keys_in_force", "set_keys"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_lost_answer_is_asked_for_again(call: str, when: str) -> None:
    made = served()
    made.backend.faults.queued[call] = [Transient("no line", when), None, Transient("no line", when)]
    to_the_end(rotating(made))
    one_key(made)


def test_a_backend_that_does_not_answer_keeps_its_key_and_up_puts_it_in_order() -> None:
    made = served()
    (old,) = made.gpu.only().keys
    made.backend.faults.queued["set_keys"] = [Transient("no line", "after")] * 6
    with pytest.raises(NeedsAttention, match="did not respond to 6 attempts"):
        rotating(made).finish()
    assert held(made) == {old}
    assert len(made.gpu.only().keys) == 2
    nobody_is_refused(made)
    up(made)
    one_key(made)
    assert held(made) == {old}


def test_somebody_else_who_sets_keys_in_between_is_not_overruled() -> None:
    made = served()
    made.backend.faults.queued["set_keys"] = [StateConflict("409")]
    to_the_end(rotating(made))
    one_key(made)


def test_a_deploy_that_fails_puts_the_old_key_back_and_the_next_up_drops_the_new_one() -> None:
    made = served()
    env = dict(made.web.services["dash"].env)
    made.web.endings = ["update_failed"]
    with pytest.raises(Failed, match="update_failed"):
        to_the_end(rotating(made))
    nobody_is_refused(made)
    assert made.web.services["dash"].env == env
    up(made)
    one_key(made)
    assert made.web.services["dash"].env == env


def test_the_new_key_outlives_sleep_and_a_new_instance_gets_another() -> None:
    made = served()
    to_the_end(rotating(made))
    new = held(made)
    up(made, SLEEP)
    up(made)
    one_key(made)
    up(made, OTHER)
    is_up(made, OTHER)
    one_key(made, OTHER)
    assert not held(made) & new


def test_a_backend_that_has_lost_its_keys_takes_the_new_one() -> None:
    """Its key file is damaged, and it rejects all requests until keys are set again."""
    made = served()
    made.gpu.only().keys = ()
    rotating(made).finish()
    one_key(made)


def test_one_that_was_recycled_and_has_forgotten_its_key_is_given_another() -> None:
    """A new disk means a new certificate, and the keys from the create call."""
    made = served()
    instance, keys = made.gpu.only(), held(made)
    instance.keys, instance.generation = (instance.order.env["ERT_KEY_HASHES"],), 0
    made.backend.certificate = lambda _: certificate("another disk")
    up(made)
    one_key(made)
    assert made.gpu.only() is instance
    assert not held(made) & keys


@pytest.mark.parametrize("seed", range(40))
def test_beside_an_up_nobody_is_refused_and_one_key_is_left(seed: int) -> None:
    made, draw = served(), random.Random(seed)
    number = made.gpu.only().id
    going: list[Process[object]] = [rotating(made), start(made)]  # type: ignore[list-item]
    while going:
        run = draw.choice(going)
        for _ in range(draw.choice((1, 1, 2, 5, 25))):
            alive = run.step()
            nobody_is_refused(made)
            if not alive:
                going.remove(run)
                run.finish()
                break
    up(made)
    one_key(made)
    assert made.gpu.only().id == number


@pytest.mark.parametrize("seed", range(20))
def test_two_rotations_at_once_end_as_one_key(seed: int) -> None:
    made, draw = served(), random.Random(seed)
    going = [rotating(made), rotating(made)]
    while going:
        run = draw.choice(going)
        if not run.step():
            going.remove(run)
            run.finish()
        nobody_is_refused(made)
    up(made)
    one_key(made)
