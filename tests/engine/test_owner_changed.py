"""Only `owner` changes in the config: a machine that the state knows by id and token remains ours in every command."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ert_deploy.core.model.desired import Desired, Phase
from ert_deploy.core.model.errors import NeedsAttention
from ert_deploy.core.model.observed import HEALTHY
from ert_deploy.core.planning.situation import Situation
from ert_deploy.engine.apply import apply
from ert_deploy.engine.observe import observe
from ert_deploy.engine.run_context import RunMemory
from tests.support.fakes import behaviours
from tests.support.fakes.fleet import THREE, are_up, fleet, market
from tests.support.fakes.history import OTHER, WANTED, Process, down, is_down, is_up, served, until, up
from tests.support.fakes.loopback import FakeWorld, world

RENAMED = replace(WANTED, owner="another-project")


def looked(made: FakeWorld, desired: Desired = RENAMED) -> Situation:
    """Return the first observation of a new run."""
    found: Situation = Process(made, observe(desired, RunMemory())).finish()
    return found


@pytest.mark.parametrize("edited", [False, True], ids=["labelled", "its label edited"])
def test_the_next_up_keeps_the_machine_and_status_sees_its_health(edited: bool) -> None:
    made = served()
    number = made.gpu.only().id
    if edited:
        behaviours.relabelled(made.gpu.only())
    seen = looked(made)
    assert [i.id for i in seen.ours] == [number]
    assert seen.observed.health[number].vital is HEALTHY
    assert number in seen.observed.watches
    up(made, RENAMED)
    is_up(made)
    assert made.gpu.paid() == (number,), "nothing is rented a second time"


@pytest.mark.parametrize("apps_first", [True, False])
def test_down_destroys_it(apps_first: bool) -> None:
    made = served()
    down(made, replace(RENAMED, apps_first=apps_first))
    is_down(made)


def test_it_sleeps_and_wakes() -> None:
    made = served()
    number = made.gpu.only().id
    Process(made, apply(replace(RENAMED, phase=Phase.ASLEEP), RunMemory())).finish()
    assert made.gpu.running() == ()
    up(made, replace(RENAMED, begin=False))
    is_up(made)
    assert made.gpu.paid() == (number,)


def test_a_machine_that_boots_is_waited_for() -> None:
    made = served()
    number = made.gpu.only().id
    Process(made, apply(replace(WANTED, phase=Phase.ASLEEP), RunMemory())).finish()
    until(Process(made, apply(WANTED, RunMemory())), made.gpu.running)
    up(made, RENAMED)
    is_up(made)
    assert made.gpu.paid() == (number,)


def test_without_a_state_it_is_ours_if_the_app_has_its_address_and_key_and_its_health_is_read() -> None:
    made = served()
    number = made.gpu.only().id
    made.store.lose()
    seen = looked(made)
    assert ([i.id for i in seen.ours], seen.undecided) == ([number], ())
    assert seen.observed.health[number].vital is HEALTHY
    up(made, RENAMED)
    is_up(made)
    assert made.gpu.paid() == (number,)


@pytest.mark.parametrize("apps_first", [True, False])
def test_down_names_it_as_long_as_the_services_cannot_be_read(apps_first: bool) -> None:
    made = served()
    number = made.gpu.only().id
    dash = made.web.services.pop("dash")
    result = down(made, replace(RENAMED, apps_first=apps_first))
    assert made.gpu.paid() == (number,)
    assert [u.instance.id for u in result.situation.undecided] == [number]
    made.web.services["dash"] = dash
    down(made, RENAMED)
    is_down(made)


def test_the_second_owner_is_added_to_the_state_by_the_next_write() -> None:
    made = served()
    up(made, replace(RENAMED, launch=OTHER.launch))
    is_up(made, replace(RENAMED, launch=OTHER.launch))
    assert made.store.state.claims.owners == ("another-project", "our-project")


def test_a_machine_is_seen_once_per_look_also_where_the_services_become_known_in_it() -> None:
    """A machine that fails is given up when it was seen so twice, and the first look sorts the instances twice."""
    made = served()
    number = made.gpu.only().id
    behaviours.unpullable(made.gpu.only())
    memory = RunMemory()
    strikes = []
    for _ in range(2):
        Process(made, observe(WANTED, memory)).finish()
        strikes.append(memory.watches[number].strikes)
    assert strikes == [1, 2]


@pytest.mark.parametrize("before", [1, 2])
@pytest.mark.parametrize("owner", [WANTED.owner, "another-project"])
def test_no_replica_is_rented_beside_those_of_another_config(owner: str, before: int) -> None:
    """A config was copied, with its state, and its service changed: each replica has a state of its own to judge by."""
    made = world("ert", "dash", "moved")
    made.gpu.offers = market().gpu.offers
    fleet(made, replace(THREE, replicas=before))
    copied = replace(THREE, owner=owner, targets=(replace(WANTED.targets[0], service="moved"),))
    for _ in range(2):
        with pytest.raises(NeedsAttention):
            fleet(made, copied)
    assert len(made.gpu.instances) == before
    fleet(made, THREE)
    are_up(made)


def test_a_new_owner_with_the_same_services_raises_the_number() -> None:
    made = market()
    fleet(made, replace(THREE, replicas=1))
    fleet(made, replace(THREE, owner="another-project"))
    are_up(made)
