"""Keys after the loss of the state: once rotated, the key hashes in the create call are not valid any more."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ert_deploy.core.model.errors import NeedsAttention, Rejected, Transient
from ert_deploy.core.model.keys import make_key
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.model.state import InstanceRecord
from ert_deploy.engine import decide
from ert_deploy.engine.effects import Effects
from tests.support.fakes import behaviours
from tests.support.fakes.history import GONE, WANTED, Process, is_up, served, start, up
from tests.support.fakes.loopback import FakeWorld
from tests.support.fakes.rotation import BOTH, NAMES, held, one_key, rotating, to_the_end
from tests.support.fakes.sleep import SLEEP

SAYS = pytest.mark.parametrize("says", [True, False], ids=["says its keys", "older image"])


def rotated_and_lost(*, says: bool = True) -> tuple[FakeWorld, InstanceId, set[str]]:
    """Rotate the key and remove the state; return the environment, the instance and the SHA-256 of the apps' keys."""
    made = served()
    made.backend.says_keys = says
    to_the_end(rotating(made))
    made.store.lose()
    return made, made.gpu.only().id, held(made)


@SAYS
def test_after_the_state_was_lost_the_backend_that_takes_the_apps_key_is_kept(*, says: bool) -> None:
    made, number, keys = rotated_and_lost(says=says)
    made.backend.faults.queued["accepts"] = [Transient("no line")]
    up(made)
    one_key(made)
    assert (made.gpu.only().id, held(made)) == (number, keys)


def test_after_the_state_was_lost_one_that_may_not_be_asked_for_its_keys_is_asked_about_the_apps() -> None:
    made, number, keys = rotated_and_lost()
    made.backend.faults.queued["keys_in_force"] = [Rejected("/admin/keys answered 404")]
    up(made)
    is_up(made)
    assert (made.gpu.only().id, held(made)) == (number, keys)


@SAYS
def test_after_the_state_was_lost_while_it_slept_it_is_asked_for_its_keys_when_it_is_awake(*, says: bool) -> None:
    made = served()
    made.backend.says_keys = says
    to_the_end(rotating(made))
    up(made, SLEEP)
    number, keys, deploys = made.gpu.only().id, held(made), len(made.web.services["dash"].deploys)
    made.store.lose()
    made.backend.faults.queued["accepts"] = [Transient("no line")]
    up(made)
    one_key(made)
    assert (made.gpu.only().id, held(made)) == (number, keys)
    assert len(made.web.services["dash"].deploys) == deploys


@SAYS
def test_a_key_that_only_the_running_app_knows_is_not_taken_away(*, says: bool) -> None:
    """`down` stopped after removing the variables, and the state is missing: the running app still sends requests."""
    made = served()
    made.backend.says_keys = says
    instance, (used,), variables = made.gpu.only(), held(made), made.web.services["dash"].env
    changes = len(made.backend.changes)
    for name in (NAMES.url, NAMES.key, NAMES.certificate):
        del variables[name]
    variables[NAMES.fingerprint] = Secret("0123456789abcdef")
    made.store.lose()
    run = start(made)
    if not says:
        with pytest.raises(NeedsAttention, match="and an unknown key"):
            to_the_end(run)
        assert (instance.keys, instance.destroyed) == ((used,), None)
        return
    while len(made.backend.changes) == changes:
        run.step()
    assert used in instance.keys
    to_the_end(run)
    one_key(made)
    assert made.gpu.only() is instance


@SAYS
def test_after_the_state_was_lost_before_the_old_key_was_dropped_it_is_dropped(*, says: bool) -> None:
    made = served()
    made.backend.says_keys = says
    process, (old,) = rotating(made), held(made)
    while held(made) == {old} or not made.store.state.rollouts or not made.store.state.rollouts[0].proven:
        process.step()
    assert len(made.gpu.only().keys) == 2
    number = made.gpu.only().id
    made.store.lose()
    up(made)
    one_key(made)
    assert old not in held(made)
    assert made.gpu.only().id == number


@SAYS
def test_after_the_state_was_lost_between_two_apps_no_key_that_one_of_them_uses_is_dropped(*, says: bool) -> None:
    made = served(BOTH)
    made.backend.says_keys = says
    process, (old,) = rotating(made, BOTH), held(made)
    while held(made) == {old}:
        process.step()
    process.die(process.done)
    (new,) = held(made) - {old}
    number = made.gpu.only().id
    made.store.lose()
    up(made, BOTH)
    one_key(made, BOTH)
    assert held(made) == {new}
    assert made.gpu.only().id == number


@SAYS
def test_after_the_state_was_lost_a_key_that_is_not_taken_counts_for_nothing(*, says: bool) -> None:
    made = served(BOTH)
    made.backend.says_keys = says
    number, (old,) = made.gpu.only().id, held(made)
    made.web.services["admin"].env[NAMES.key] = make_key(b"another key, of no one's."[:24])
    made.store.lose()
    up(made, BOTH)
    one_key(made, BOTH)
    assert (made.gpu.only().id, held(made)) == (number, {old})


@SAYS
def test_after_the_state_was_lost_one_that_does_not_take_the_apps_key_is_given_another(*, says: bool) -> None:
    made, number, _ = rotated_and_lost(says=says)
    made.gpu.only().keys = ("0" * 64,)
    up(made)
    one_key(made)
    assert made.gpu.only().id == number


def test_after_the_state_was_lost_one_that_is_not_healthy_is_only_written_down() -> None:
    made, number, _ = rotated_and_lost()
    behaviours.unreachable(made.gpu.only())
    process = start(made)
    while not made.store.state.records:
        process.step()
    (known,) = made.store.state.records
    assert known == InstanceRecord(known.token, number, known.machine_id, known.at, published=True)


@pytest.mark.parametrize("answers", [None, Transient("no line")], ids=["responds", "responds later"])
@SAYS
def test_one_that_was_adopted_after_a_down_keeps_the_key_of_requests_under_way(
    *, says: bool, answers: Transient | None
) -> None:
    """`down --now` withdrew the apps and left the instance to the user, as its label was edited and the state lost."""
    made = served()
    made.backend.says_keys = says
    instance, (used,) = made.gpu.only(), held(made)
    behaviours.relabelled(instance)
    made.store.lose()
    up(made, replace(GONE, apps_first=False))
    assert instance.destroyed is None
    withdrawn, changes = made.clock.now(), len(made.backend.changes)
    Process(made, adopting(instance.id)).finish()
    made.backend.faults.queued["set_keys"] = [answers]
    run = start(made)
    while used in instance.keys:
        run.step()
    assert made.clock.now() - withdrawn >= WANTED.timings.drain - 5.0
    assert len(made.backend.changes) == changes + (2 if says else 1), "another key is added before, if it says them"
    to_the_end(run)
    one_key(made)
    assert made.gpu.only() is instance


def adopting(number: InstanceId) -> Effects[bool]:
    """Adopt the instance as the command does."""
    situation, found = yield from decide.find(WANTED, number)
    assert found is not None
    yield from decide.adopt(situation, found)
    return True
