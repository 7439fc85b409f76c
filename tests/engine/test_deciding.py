"""Instances of uncertain ownership: every command reports them, none changes them, and a user's decision is stored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ert_deploy.core.model.desired import Phase
from ert_deploy.core.model.errors import NeedsAttention, UsageError
from ert_deploy.core.model.labels import Mark
from ert_deploy.core.model.observed import Instance
from ert_deploy.core.model.owner import service_hash
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.engine import decide
from ert_deploy.engine.apply import apply
from ert_deploy.engine.observe import observe
from ert_deploy.engine.run_context import RunMemory
from ert_deploy.ports import CreateOrder
from tests.support.fakes import behaviours
from tests.support.fakes.history import GONE, WANTED, Process, down, is_down, is_up, served, until, up
from tests.support.fakes.loopback import FakeWorld, world
from tests.support.ids import nth

NAMELESS = replace(WANTED, owner="")
OTHER = replace(WANTED, owner="their-project")
ASLEEP = replace(WANTED, phase=Phase.ASLEEP)


def doubts(made: FakeWorld, desired: Any = WANTED) -> list[InstanceId]:
    seen = Process(made, observe(replace(desired, phase=Phase.ABSENT), RunMemory())).finish()
    return [u.instance.id for u in seen.undecided]


def decided(made: FakeWorld, how: str, number: InstanceId, desired: Any = WANTED) -> None:
    """Run `ert-deploy adopt|ignore|destroy ID` as if confirmed."""
    situation, instance = Process(made, decide.find(desired, number)).finish()
    made.gpu.decided.add(number)
    if how == "destroy":
        effects = decide.destroy(situation, number)
    else:
        assert instance is not None
        effects = {"adopt": decide.adopt, "ignore": decide.ignore}[how](situation, instance)
    try:
        process = Process(made, effects)
    except StopIteration:
        return
    while not process.ended and process.step():
        pass
    if process.error is not None:
        raise process.error


def emptied(made: FakeWorld) -> None:
    """Remove every variable of the deployment from the app."""
    env = made.web.services["dash"].env
    for name in WANTED.targets[0].names.all():
        env.pop(name, None)


def older(made: FakeWorld) -> InstanceId:
    """Make the instance look like one of the previous version: both marks, but no owner in environment and state."""
    instance = made.gpu.only()
    env = {name: value for name, value in instance.order.env.items() if name != "ERT_OWNER"}
    instance.order = replace(instance.order, env=env)
    return instance.id


def test_down_works_after_the_label_was_edited() -> None:
    made = served()
    behaviours.relabelled(made.gpu.only())
    up(made)
    is_up(made)
    down(made)
    is_down(made)


def test_without_a_state_an_edited_label_is_named_and_nothing_is_rented() -> None:
    made = served()
    number = made.gpu.only().id
    behaviours.relabelled(made.gpu.only())
    made.store.lose()
    assert doubts(made) == [number]
    down(made)
    assert made.gpu.paid() == (number,)
    with pytest.raises(NeedsAttention, match=f"decide about instance {number}") as asked:
        up(made)
    assert f"adopt|ignore|destroy {number}" in asked.value.hint
    assert made.gpu.paid() == (number,)


@pytest.mark.parametrize("lose", [behaviours.relabelled, behaviours.without_environment])
def test_wake_does_not_say_that_there_is_nothing_where_something_may_be_ours(lose: Callable[[Any], None]) -> None:
    made = served()
    number = made.gpu.only().id
    lose(made.gpu.only())
    made.store.lose()
    emptied(made)
    with pytest.raises(NeedsAttention, match=f"decide about instance {number}"):
        Process(made, apply(replace(WANTED, begin=False), RunMemory())).finish()
    assert made.gpu.paid() == (number,)


@pytest.mark.parametrize("command", [up, down])
def test_a_row_that_shows_no_environment_for_a_moment_is_waited_for(command: Callable[[FakeWorld], Any]) -> None:
    made = served()
    instance, back = made.gpu.only(), made.clock.now() + 55.0
    behaviours.without_environment(instance)
    hide = instance.override
    assert hide is not None
    instance.override = lambda i: hide(i) if made.clock.now() < back else i
    command(made)
    assert doubts(made) == []
    assert list(made.gpu.instances) == [instance.id]
    assert made.gpu.paid() == ((instance.id,) if command is up else ())


@pytest.mark.parametrize("how", ["adopt", "destroy"])
@pytest.mark.parametrize("lose", [behaviours.relabelled, behaviours.without_environment])
@pytest.mark.parametrize("state", ["kept", "lost"])
def test_a_person_decides_and_every_command_ends_well_again(how: str, lose: Callable[[Any], None], state: str) -> None:
    made = served()
    number = made.gpu.only().id
    lose(made.gpu.only())
    if state == "lost":
        made.store.lose()
    decided(made, how, number)
    assert doubts(made) == []
    assert (made.gpu.paid() == ()) == (how == "destroy")
    up(made)
    assert doubts(made) == []
    assert len(made.gpu.paid()) == 1
    down(made)
    is_down(made)
    assert made.store.state.claims.adopted == ()


def test_what_is_ignored_is_named_no_more_and_never_touched() -> None:
    made = served()
    number = older(made)
    made.store.lose()
    emptied(made)
    assert doubts(made) == [number]
    decided(made, "ignore", number)
    assert doubts(made) == []
    decided(made, "ignore", number)
    up(made)
    down(made)
    assert made.gpu.paid() == (number,)
    assert doubts(made) == []
    decided(made, "destroy", number)
    is_down(made)


def test_one_of_the_release_before_is_ours_where_the_state_knows_it() -> None:
    made = served()
    number = older(made)
    made.store.save(replace(made.store.state, claims=made.store.state.claims.__class__()))
    up(made)
    assert made.gpu.paid() == (number,), "nothing is replaced"
    down(made)
    is_down(made)


def test_one_of_the_release_before_is_ours_without_a_state_where_the_app_proves_it() -> None:
    made = served()
    number = older(made)
    made.store.lose()
    up(made)
    assert made.gpu.paid() == (number,)
    is_up(made)
    made.store.lose()
    down(made, replace(WANTED, apps_first=False))
    is_down(made)


def test_an_up_and_a_down_without_a_state_need_no_question() -> None:
    made = served()
    for desired in (WANTED, replace(WANTED, apps_first=False)):
        made.store.lose()
        up(made)
        is_up(made)
        made.store.lose()
        assert doubts(made) == []
        down(made, desired)
        is_down(made)
        up(made)


def test_without_an_owner_the_services_stand_in() -> None:
    made = world()
    up(made, NAMELESS)
    made.store.lose()
    up(made, NAMELESS)
    assert made.store.state.claims.services == (service_hash("srv-dash"),)
    down(made, replace(NAMELESS, apps_first=False))
    is_down(made)


def test_two_projects_of_one_name_leave_each_other_alone() -> None:
    made = served()
    first = made.gpu.only().id
    mine = made.store.text
    made.store.lose()
    emptied(made)
    theirs = Process(made, observe(OTHER, RunMemory())).finish()
    # The service is the same here and only the owner ids are different: a user has to select the owner.
    assert [u.instance.id for u in theirs.undecided] == [first]
    made.gpu.only().order = _owned_by(made.gpu.only().order, "our-project:" + service_hash("srv-another"))
    up(made, OTHER, most=3)
    assert len(made.gpu.paid()) == 2
    seen = Process(made, observe(OTHER, RunMemory())).finish()
    assert [i.id for i in seen.ownership.others] == [first]
    assert seen.undecided == ()
    with pytest.raises(UsageError, match="is another owner's"):
        decided(made, "destroy", first, OTHER)
    down(made, OTHER)
    assert made.gpu.paid() == (first,)
    assert made.store.text != mine


def _owned_by(order: CreateOrder, owner: str) -> CreateOrder:
    return replace(order, env={**order.env, "ERT_OWNER": owner})


def test_a_copied_config_is_noticed_and_adopting_says_that_it_is_none() -> None:
    """With the same owner and state but another service, no command makes a change before a user decides."""
    made = world("ert", "dash", "moved")
    up(made)
    number = made.gpu.only().id
    copy = replace(WANTED, targets=(replace(WANTED.targets[0], service="moved"),))
    with pytest.raises(NeedsAttention, match=f"decide about instance {number}"):
        up(made, copy)
    down(made, copy)
    assert made.gpu.paid() == (number,)
    decided(made, "adopt", number, copy)
    up(made, copy)
    assert len(made.gpu.paid()) == 1, "the other service holds no key of the old one"
    assert made.store.state.claims.services == tuple(sorted(service_hash(f"srv-{n}") for n in ("dash", "moved")))


def test_nothing_is_rented_on_the_state_of_another_owner() -> None:
    made = served()
    made.gpu.only().order = _owned_by(made.gpu.only().order, "our-project:" + service_hash("srv-another"))
    claims = replace(made.store.state.claims, services=(service_hash("srv-another"),))
    made.store.save(replace(made.store.state, claims=claims))
    with pytest.raises(NeedsAttention, match="was written for another owner"):
        up(made, OTHER)
    assert len(made.gpu.paid()) == 1


def test_an_interrupted_destroy_goes_on_when_the_instance_is_listed_no_more() -> None:
    made = served()
    number = made.gpu.only().id
    situation, _ = Process(made, decide.find(WANTED, number)).finish()
    until(Process(made, decide.destroy(situation, number)), lambda: not made.gpu.paid())
    assert made.store.state.tombstones
    decided(made, "destroy", number)
    assert made.store.state.empty()


def test_what_is_in_no_list_and_what_has_no_mark_is_not_decided_about() -> None:
    made = served()
    made.gpu.foreign = [Instance(nth(901), Mark("other", "ab" * 16), "other"), Instance(nth(903))]
    with pytest.raises(UsageError, match="there is no instance 77"):
        decided(made, "destroy", nth(77))
    for number in (901, 903):
        for how in ("adopt", "ignore", "destroy"):
            with pytest.raises(UsageError, match=f"instance {number} has no mark of ert"):
                decided(made, how, nth(number))


def test_adopting_what_is_ours_already_changes_nothing_twice() -> None:
    made = served()
    number = made.gpu.only().id
    decided(made, "adopt", number)
    generation = made.store.state.generation
    decided(made, "adopt", number)
    assert made.store.state.generation == generation


def test_a_sleep_leaves_what_is_undecided_alone() -> None:
    made = served()
    number = made.gpu.only().id
    behaviours.without_environment(made.gpu.only())
    result = Process(made, _apply(ASLEEP)).finish()
    assert [u.instance.id for u in result.situation.undecided] == [number]
    assert made.gpu.running() == (number,)
    assert GONE.owner == WANTED.owner


def _apply(desired: Any) -> Any:
    from ert_deploy.engine.apply import apply

    return apply(desired, RunMemory())
