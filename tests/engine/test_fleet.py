"""Fleets: several replicas in one run, each by the engine of a single one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from ert_deploy.core.model import steps
from ert_deploy.core.model.desired import Phase
from ert_deploy.core.model.errors import CannotObserve, CreateRefused, Failed, UsageError
from ert_deploy.core.model.events import OfReplica, Started
from ert_deploy.core.model.labels import Mark
from ert_deploy.core.model.plain.state import VERSION, to_json
from ert_deploy.core.model.replica import one_replica, replica_of
from ert_deploy.core.model.secret import Secret
from ert_deploy.engine import decide
from ert_deploy.engine.apply import apply
from ert_deploy.engine.effects import Effects
from ert_deploy.engine.fleet.apply import apply_fleet, rotate_fleet
from ert_deploy.engine.fleet.document import as_replica
from ert_deploy.engine.rotate import rotate
from ert_deploy.engine.run_context import RunMemory
from tests.support.fakes import behaviours
from tests.support.fakes.fleet import THREE, are_down, are_up, begin, fleet, gone, market, of_replica, spread, steps_of
from tests.support.fakes.history import OTHER, WANTED, Process, told, up
from tests.support.fakes.loopback import FakeWorld, world

TWO = replace(WANTED, replicas=2)
CHANGED = replace(OTHER, replicas=3)


def effects_of(made: FakeWorld, effects: Effects[object]) -> list[str]:
    """Return every effect of a run, as text."""
    run, found = Process(made, effects), []
    while not run.ended:
        found.append(repr(run.effect))
        run.step()
    assert run.error is None
    return found


def test_a_fleet_of_one_does_exactly_what_a_single_deployment_does() -> None:
    single, of_one = world(), world()
    for desired in (
        WANTED, OTHER, replace(WANTED, phase=Phase.ASLEEP), replace(WANTED, begin=False),
        replace(WANTED, phase=Phase.ABSENT), replace(WANTED, phase=Phase.ABSENT),
    ):  # fmt: skip
        assert effects_of(single, apply(desired)) == effects_of(of_one, apply_fleet(desired, {}))
    assert single.store.text == of_one.store.text


def test_the_keys_of_a_fleet_of_one_are_changed_as_those_of_a_single_deployment() -> None:
    single, of_one = world(), world()
    up(single)
    up(of_one)
    assert effects_of(single, rotate(WANTED)) == effects_of(of_one, rotate_fleet(WANTED))


def test_three_replicas_serve_on_machines_apart_and_one_deploy_serves_them() -> None:
    made = market()
    results = fleet(made)
    are_up(made)
    spread(made)
    assert sorted(results) == [1, 2, 3]
    assert made.gpu.most_paid == 3
    assert len(made.web.services["dash"].deploys) == 1
    before = len(made.listener.events)
    fleet(made)
    assert steps_of(made, before) == []


def test_events_name_their_replica_where_there_are_several() -> None:
    made = market()
    fleet(made, TWO)
    assert {event.replica for event in told(made, OfReplica)} == {1, 2}
    assert told(made, Started) == []


def test_a_replica_that_is_late_does_not_hold_up_the_first_one_and_holds_up_others_for_a_while() -> None:
    made = market()

    def slow(seconds: float) -> Callable[[object], None]:
        return lambda one: setattr(one, "boot", seconds)

    made.gpu.conduct = {"1001": slow(60.0), "1003": slow(100.0), "1005": slow(900.0)}
    fleet(made)
    are_up(made)
    deploys = [deploy.created for deploy, _ in made.web.services["dash"].deploys]
    first, second, third = (at - 1_000_000.0 for at in deploys)
    assert first < 90.0, "the first one is published at once"
    assert 400.0 < second < 450.0, "the next one waits 300 s for the last"
    assert third > 900.0


def test_a_change_goes_through_the_replicas_one_after_the_other() -> None:
    made = market()
    fleet(made)
    before = len(made.listener.events)
    fleet(made, CHANGED)
    are_up(made, CHANGED)
    spread(made)
    assert made.gpu.most_paid == 4
    order = [(k, name) for k, name in steps_of(made, before) if name in ("Rent", "ConfirmDeleted")]
    assert [name for _, name in order] == ["Rent", "ConfirmDeleted"] * 3
    assert [k for k, _ in order[::2]] == [k for k, _ in order[1::2]]


def test_replicas_sleep_and_wake_together() -> None:
    made = market()
    fleet(made)
    fleet(made, replace(THREE, phase=Phase.ASLEEP))
    assert made.gpu.running() == ()
    assert len(made.gpu.paid()) == 3
    fleet(made, replace(THREE, begin=False))
    are_up(made)
    assert [name for _, name in steps_of(made)].count("Rent") == 3


def test_a_wake_brings_up_a_replica_that_was_added_since() -> None:
    made = market()
    fleet(made, WANTED)
    fleet(made, replace(THREE, begin=False))
    are_up(made)
    with pytest.raises(UsageError, match="nothing to wake: no instance of ert exists"):
        fleet(market(), replace(THREE, begin=False))


def test_a_wake_after_a_down_that_was_interrupted_brings_up_all() -> None:
    made = market()
    fleet(made, TWO)
    (first, second) = (of_replica(made, k).id for k in (1, 2))
    fleet(made, replace(WANTED, replicas=1, phase=Phase.ABSENT))
    assert made.gpu.paid() == ()
    assert first != second
    made.web.services["dash"].env["ERT_LLM_BACKEND_URL_2"] = Secret("https://203.0.113.7:1")
    fleet(made, replace(TWO, begin=False))
    are_up(made, TWO)


@pytest.mark.parametrize("phase", Phase)
def test_replicas_above_their_number_are_removed_in_every_run(phase: Phase) -> None:
    made = market()
    fleet(made)
    results = fleet(made, replace(WANTED, phase=phase))
    assert sorted(results) == [1, 2, 3]
    assert len(made.gpu.paid()) == (phase is not Phase.ABSENT)
    env = made.web.services["dash"].env
    assert not [name for name in env if name.startswith(("ERT_LLM_BACKEND_URL_", "ERT_LLM_API_KEY_"))]
    assert made.store.state.replicas == ()
    assert to_json(made.store.state)["version"] == VERSION


def test_replicas_that_only_their_marks_show_are_removed() -> None:
    made = market()
    fleet(made)
    made.store.lose()
    fleet(made, replace(WANTED, phase=Phase.ABSENT))
    are_down(made)


def test_a_lost_state_is_rebuilt_without_renting_again() -> None:
    made = market()
    fleet(made)
    rented = made.gpu.paid()
    made.store.lose()
    fleet(made)
    are_up(made)
    assert made.gpu.paid() == rented


def test_nothing_is_removed_where_the_web_host_may_not_be_called() -> None:
    made = market()
    fleet(made)
    results = fleet(made, replace(WANTED, publishes=False, begin=False))
    assert sorted(results) == [1]
    assert len(made.gpu.paid()) == 3


def test_another_owners_replica_is_none_of_this_fleet() -> None:
    made = market()
    fleet(made, replace(TWO, owner="their-project"))
    (theirs,) = [one for one in made.gpu.list_instances() if one.claims == "ert.2"]
    made = market()
    made.gpu.foreign = [replace(theirs, owner="their-project:aaaaaaaaaaaa")]
    assert sorted(fleet(made, WANTED)) == [1]


def test_down_removes_everything_and_a_second_one_writes_no_variable() -> None:
    made = market()
    fleet(made)
    gone(made)
    are_down(made)
    assert len(made.web.services["dash"].deploys) == 2
    before = len(made.listener.events)
    gone(made)
    assert not {"Publish", "Deploy", "Retire"} & {name for _, name in steps_of(made, before)}


def test_a_replica_that_fails_does_not_stop_the_others() -> None:
    made = market()
    made.gpu.faults.queued["create"] = [None, CreateRefused("no more money", "before")]
    with pytest.raises(Failed, match="nothing was rented: no more money") as caught:
        fleet(made)
    assert [line.split(" ", 2)[:2] for line in caught.value.detail.splitlines()[-2:]] == [
        ["replica", "1:"], ["replica", "3:"],
    ]  # fmt: skip
    assert f"replica 3: instance {of_replica(made, 3).id}, running" in caught.value.detail
    of_replica(made, 1)
    fleet(made)
    are_up(made)


def test_the_error_of_the_lowest_replica_tells_those_of_the_others() -> None:
    made = market()
    made.gpu.faults.queued["create"] = [CreateRefused("no", "before"), CreateRefused("not either", "before")]
    with pytest.raises(Failed, match=r"nothing was rented: no$") as caught:
        fleet(made)
    assert "replica 2: nothing was rented: not either" in caught.value.detail


def test_what_a_replica_reached_in_part_is_in_the_error_of_another() -> None:
    made = market()
    fleet(made, TWO)
    made.gpu.instances[of_replica(made, 2).id].dph = 0.3
    cheap = replace(TWO, criteria=replace(TWO.criteria, max_dph=0.25, countries=("US",)))
    made.gpu.destroy(of_replica(made, 1).id)
    with pytest.raises(UsageError, match="no offer matches") as caught:
        fleet(made, cheap)
    assert "replica 2: instance 501, running; instance 501 keeps serving, but it costs" in caught.value.detail


def test_an_error_of_the_program_ends_all() -> None:
    made = market()
    run = begin(made)
    made.gpu.conduct = {"1003": lambda _: 1 // 0}
    with pytest.raises(ZeroDivisionError):
        run.finish()


def test_one_failed_deploy_restores_the_variables_of_every_replica_that_it_served() -> None:
    made = market()
    fleet(made)
    before = dict(made.web.services["dash"].env)
    made.web.endings = ["update_failed"]
    moved = replace(THREE, targets=(replace(THREE.targets[0], timeout=600),))
    with pytest.raises(Failed, match="finished as") as caught:
        fleet(made, moved)
    assert "replica 3: deploy" in caught.value.detail
    assert made.web.services["dash"].env == before
    assert len(made.web.services["dash"].deploys) == 2


def test_an_unusable_answer_to_the_one_deploy_is_given_to_all() -> None:
    made = market()
    fleet(made)
    made.web.faults.queued["deploy"] = [CannotObserve("no answer")]
    with pytest.raises(CannotObserve):
        fleet(made, replace(THREE, targets=(replace(THREE.targets[0], timeout=600),)))
    fleet(made, replace(THREE, targets=(replace(THREE.targets[0], timeout=600),)))


def test_the_keys_of_all_replicas_are_changed_with_one_deploy_for_all() -> None:
    made = market()
    fleet(made)
    names = [one_replica(THREE, k).targets[0].names.key for k in (1, 2, 3)]
    before = [made.web.services["dash"].env[name].reveal() for name in names]
    found, _ = Process(made, rotate_fleet(replace(THREE, begin=False)), 4).finish()
    are_up(made)
    after = [made.web.services["dash"].env[name].reveal() for name in names]
    assert not {*before} & {*after}
    assert [one.before != one.after for one in found.values()] == [True] * 3
    assert all(len(of_replica(made, k).keys) == 1 for k in (1, 2, 3))
    assert len(made.web.services["dash"].deploys) == 2


def test_a_change_of_keys_removes_replicas_above_their_number() -> None:
    made = market()
    fleet(made)
    found, results = Process(made, rotate_fleet(replace(TWO, begin=False)), 4).finish()
    assert (sorted(found), sorted(results)) == ([1, 2], [1, 2])
    are_up(made, TWO)


def test_a_replica_that_only_an_app_still_points_to_is_withdrawn() -> None:
    made = market()
    fleet(made, TWO)
    made.gpu.destroy(of_replica(made, 2).id)
    made.store.lose()
    fleet(made, WANTED)
    are_up(made, WANTED)
    assert "ERT_LLM_BACKEND_URL_2" not in made.web.services["dash"].env


def test_a_command_for_one_instance_is_made_on_the_part_of_its_replica() -> None:
    made = market()
    fleet(made)
    other = of_replica(made, 2).id
    wanted = one_replica(THREE, 2)

    def ignoring() -> Effects[bool]:
        situation, instance = yield from decide.find(wanted, other)
        assert instance is not None
        yield from decide.ignore(situation, instance)
        return True

    made.store.faults.queued["load"] = [CannotObserve("no answer")]
    with pytest.raises(CannotObserve):
        Process(made, as_replica(ignoring(), 2), 4).finish()
    Process(made, as_replica(ignoring(), 2), 4).finish()
    (second, third) = made.store.state.replicas
    assert second.claims.ignored == (other,)
    assert [len(part.records) for part in (made.store.state, second, third)] == [1, 0, 1]
    gone(made)
    assert made.gpu.paid() == (other,)
    assert [part.claims.ignored for part in made.store.state.replicas] == [(other,)]


def test_the_mark_of_an_instance_names_its_replica() -> None:
    made = market()
    fleet(made)
    for number in (1, 2, 3):
        mark: Mark = of_replica(made, number).order.mark
        assert replica_of(mark.deployment) == ("ert", number)


def test_apps_of_two_services_are_moved_without_a_deadlock() -> None:
    made = world("ert", "dash", "admin")
    both = replace(THREE, targets=(THREE.targets[0], replace(THREE.targets[0], service="admin")))
    fleet(made, both)
    are_up(made, both)


def test_a_second_machine_of_a_hedge_waits_for_its_turn() -> None:
    made = market()

    def crawl(one: object) -> None:
        one.boot = 2000.0  # type: ignore[attr-defined]

    made.gpu.conduct = {"1001": crawl, "1003": crawl}
    hedged = replace(TWO, launch=replace(TWO.launch, hedge=2))
    fleet(made, hedged, most=3)
    are_up(made, hedged)
    assert made.gpu.most_paid == 3


def test_a_run_on_part_of_a_fleet_keeps_the_rest_of_the_document() -> None:
    made = market()
    fleet(made)
    parts = made.store.state.replicas
    memory = RunMemory()
    Process(made, as_replica(apply(replace(WANTED, phase=Phase.ASLEEP), memory), 1), 4).finish()
    assert made.store.state.replicas == parts
    assert isinstance(memory.doing, steps.Stop | steps.AwaitStop)


def test_down_again_deploys_no_app_that_was_rolled_back_since() -> None:
    """A replica that is removed leaves nothing in the document, not even that the app was verified without it."""
    made = market()
    fleet(made)
    gone(made)
    made.web.shows = None
    before = made.web.faults.calls.count("deploy")
    gone(made)
    assert made.web.faults.calls.count("deploy") == before
    are_down(made)


def test_a_machine_that_failed_for_one_replica_is_rented_for_no_other() -> None:
    made = market()
    made.gpu.conduct = {"1001": behaviours.stuck}
    fleet(made, replace(THREE, replicas=1))
    fleet(made)
    are_up(made)
    assert Counter(one.machine_id for one in made.gpu.instances.values())["1001"] == 1
    assert made.store.state.denied_machines(0.0) == {"1001"}
