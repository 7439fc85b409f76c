"""Moving an app: the old backend is kept until the running app is verified to use the new one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ert_deploy.core.model.desired import Target
from ert_deploy.core.model.events import Proven, Wrote
from tests.support.fakes import behaviours
from tests.support.fakes.history import OTHER, WANTED, is_up, served, start, told, until, up
from tests.support.fakes.loopback import world

THIRD = replace(WANTED, launch=replace(WANTED.launch, context=4096))
NAMES = WANTED.targets[0].names


def test_a_changed_config_gets_a_new_instance_and_the_old_one_goes_after_the_drain() -> None:
    made = served()
    old = made.gpu.only()
    run = start(made, OTHER)
    until(run, lambda: told(made, Proven)[1:])
    proven = made.clock.now()
    assert old.id in made.gpu.paid(), "the old backend serves until the app has moved"
    up(made, OTHER)
    is_up(made, OTHER)
    assert old.destroyed is not None
    assert old.destroyed >= proven + WANTED.timings.drain
    assert made.gpu.most_paid == 2


def test_the_fingerprint_is_written_last_and_nothing_else_of_the_service_is_touched() -> None:
    made = world()
    up(made)
    (mark, wrote) = told(made, Wrote)
    assert mark.written == (NAMES.fingerprint,)
    assert wrote.written[-1] == NAMES.fingerprint
    assert NAMES.key in wrote.written


def test_a_change_that_needs_no_new_machine_deploys_and_rents_nothing() -> None:
    made = served()
    patient = replace(WANTED, targets=(Target("dash", timeout=240),))
    up(made, patient)
    is_up(made, patient)
    assert len(made.gpu.instances) == 1
    assert told(made, Wrote)[-1].written == (NAMES.timeout, NAMES.fingerprint)


def test_a_backend_that_serves_is_kept_until_the_new_one_does_even_if_the_state_was_lost() -> None:
    made = served()
    old = made.gpu.only()
    made.store.lose()
    run = start(made, OTHER)
    until(run, lambda: told(made, Proven)[1:])
    assert old.id in made.gpu.paid()
    proven = made.clock.now()
    up(made, OTHER)
    is_up(made, OTHER)
    assert old.destroyed is not None
    assert old.destroyed >= proven + WANTED.timings.drain


@pytest.mark.parametrize("how", [behaviours.unreachable, behaviours.impostor])
def test_a_backend_we_cannot_reach_but_the_app_may_is_kept_until_another_one_serves(how: behaviours.Conduct) -> None:
    made = served()
    old = made.gpu.only()
    how(old)
    run = start(made)
    until(run, lambda: told(made, Proven)[1:])
    assert old.id in made.gpu.paid()
    up(made)
    is_up(made)
    assert made.gpu.only() is not old


def test_a_backend_that_comes_back_while_its_replacement_boots_stays() -> None:
    made = served()
    old = made.gpu.only()
    behaviours.unreachable(old)
    run = start(made)
    while len(made.gpu.paid()) < 2:
        run.step()
    old.health = None
    run.finish()
    is_up(made)
    assert made.gpu.only() is old


@pytest.mark.parametrize("how", [behaviours.sick, behaviours.exited])
def test_a_backend_that_serves_nobody_any_more_is_replaced(how: behaviours.Conduct) -> None:
    made = served()
    old = made.gpu.only()
    how(old)
    if how is behaviours.exited:
        behaviours.unreachable(old)
    up(made)
    is_up(made)
    assert made.gpu.only() is not old
    assert made.gpu.most_paid == 1


def test_a_backend_that_is_restarting_is_waited_for() -> None:
    made = served()
    old = made.gpu.only()
    old.made, old.boot = made.clock.now(), 200.0
    up(made)
    is_up(made)
    assert made.gpu.only() is old


@pytest.mark.parametrize("moment", ["written", "proven"])
def test_a_config_that_changes_again_in_the_middle_of_a_move_is_reached_too(moment: str) -> None:
    made = served()
    run = start(made, OTHER)
    until(run, lambda: told(made, Wrote)[2:] if moment == "written" else told(made, Proven)[1:])
    up(made, THIRD)
    is_up(made, THIRD)
    assert made.gpu.most_paid == 2


def test_an_up_after_a_down_that_was_killed_half_way_finds_room() -> None:
    made = served()
    until(start(made, OTHER), lambda: told(made, Proven)[1:])
    down = start(made, replace(OTHER, phase=type(OTHER.phase).ABSENT))
    until(down, lambda: NAMES.key not in made.web.services["dash"].env)
    up(made, THIRD)
    is_up(made, THIRD)
    assert made.gpu.most_paid == 2
