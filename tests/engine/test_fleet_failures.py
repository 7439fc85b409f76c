"""Failures of a fleet: no error of one replica hides an instance that the user has to assign."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from ert_deploy.core.model.desired import Desired, Phase
from ert_deploy.core.model.errors import ErtError, Failed, NeedsAttention, NothingToWake, Undecided, UsageError
from ert_deploy.core.model.observed import Instance
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.engine.fleet.apply import rotate_fleet
from ert_deploy.engine.fleet.failures import failure, together
from ert_deploy.engine.fleet.refused_keys import with_accepted_keys
from ert_deploy.engine.run_context import RunMemory
from tests.support.fakes import behaviours
from tests.support.fakes.fleet import THREE, fleet, market, of_replica
from tests.support.fakes.history import WANTED, Process
from tests.support.fakes.loopback import FakeInstance, FakeWorld

TWO = replace(WANTED, replicas=2)
WAKE = replace(THREE, begin=False)
LABEL_ONLY = "it has our label and not our environment"
RELABELLED = "its environment is of this deployment and its label is not (edited in the console?)"
NONE = "there is nothing to wake: no instance of {} exists"


def only_second(spoil: Callable[[FakeInstance], None]) -> tuple[FakeWorld, InstanceId]:
    """Return what is left of three replicas, as nothing but the spoiled instance of the second, and its id."""
    made = market()
    fleet(made)
    second = of_replica(made, 2)
    for number in made.gpu.paid():
        if number != second.id:
            made.gpu.destroy(number)
    spoil(second)
    made.store.lose()
    forget(made)
    return made, second.id


def forget(made: FakeWorld) -> None:
    """Remove every variable of the deployment from the app."""
    env = made.web.services["dash"].env
    for name in [name for name in env if name.startswith(("ERT_", "REMOTE_"))]:
        del env[name]


def label_only(one: FakeInstance) -> None:
    """Let it be listed without its environment."""
    behaviours.without_environment(one)
    hidden = one.override
    assert hidden is not None
    one.override = lambda i: replace(hidden(i), claims="ert.2")


@pytest.mark.parametrize("desired", [WAKE, replace(WAKE, replicas=2), replace(WAKE, replicas=1)])
@pytest.mark.parametrize(("spoil", "why"), [(label_only, LABEL_ONLY), (behaviours.relabelled, RELABELLED)])
def test_a_wake_names_the_instance_of_any_replica_that_is_to_be_assigned(
    desired: Desired, spoil: Callable[[FakeInstance], None], why: str
) -> None:
    made, number = only_second(spoil)
    with pytest.raises(Undecided) as caught:
        fleet(made, desired)
    assert caught.value.summary == f"nothing is rented before you decide about instance {number}"
    assert caught.value.hint == f"`ert-deploy adopt|ignore|destroy {number}` decides"
    assert caught.value.found == ((number, why),)
    assert caught.value.detail.splitlines()[:2] == [f"instance {number}: {why}", f"replica 1: {NONE.format('ert')}"]
    assert made.gpu.paid() == (number,)


def test_all_instances_that_are_to_be_assigned_are_in_one_error() -> None:
    made = market()
    fleet(made)
    for k in (1, 3):
        behaviours.relabelled(of_replica(made, k))
    made.store.lose()
    forget(made)
    with pytest.raises(Undecided) as caught:
        fleet(made)
    first, third = (of_replica(made, k).id for k in (1, 3))
    assert caught.value.found == ((first, RELABELLED), (third, RELABELLED))
    assert f"instance {first}, {third}" in caught.value.summary
    assert [line.split(":")[0] for line in caught.value.detail.splitlines()] == [
        f"instance {first}", f"instance {third}", "replica 2"
    ]  # fmt: skip


@pytest.mark.parametrize("phase", [Phase.ABSENT, Phase.ASLEEP])
def test_one_that_cannot_be_changed_does_not_hide_one_that_is_to_be_assigned(phase: Phase) -> None:
    made = market()
    fleet(made, TWO)
    label_only(of_replica(made, 2))
    made.store.lose()
    behaviours.exited(of_replica(made, 1))
    failed = NeedsAttention("this key may not change it", hint="use another key")
    made.gpu.faults.queued["destroy"] = made.gpu.faults.queued["stop"] = [failed]
    with pytest.raises(Undecided) as caught:
        fleet(made, replace(TWO, phase=phase))
    number = of_replica(made, 2).id
    assert caught.value.summary == f"instance {number} was not changed and may bill: {LABEL_ONLY}"
    assert caught.value.hint == f"`ert-deploy adopt|ignore|destroy {number}` decides this"
    assert "replica 1: this key may not change it; use another key" in caught.value.detail


def test_that_one_does_not_exist_hides_nothing_of_another() -> None:
    errors: dict[int, ErtError] = {
        1: NothingToWake(NONE.format("ert")), 2: NeedsAttention("it still exists", "listed", "look again"),
        3: Failed("nothing was rented", "at all", "never said"), 4: UsageError("it still exists"),
    }  # fmt: skip
    error = failure(errors, {})
    assert error is errors[2]
    assert error.detail.splitlines() == [
        "listed", f"replica 1: {NONE.format('ert')}", "replica 3: nothing was rented"
    ]  # fmt: skip
    assert failure({1: errors[1]}, {}) is errors[1]


def test_a_question_of_one_comes_before_the_error_of_any_other() -> None:
    asked = Undecided("decide", found=((InstanceId("7"), "why"),))
    assert failure({1: Failed("no"), 2: asked}, {}) is asked
    assert asked.detail.splitlines() == ["instance 7: why", "replica 1: no"]


def test_a_key_that_cannot_be_changed_hides_nothing_that_the_run_before_has_found() -> None:
    made = market()
    fleet(made)
    of_replica(made, 1).keys = ("ab" * 32,)
    extra = stray(of_replica(made, 2))
    made.gpu.foreign = [extra]
    results = fleet(made)
    made.backend.faults.queued["keys_in_force"] = [Failed("it does not answer")]
    with pytest.raises(Undecided) as caught:
        Process(made, with_accepted_keys(THREE, results, {1: RunMemory()}), 4).finish()
    assert caught.value.found == ((extra.id, LABEL_ONLY),)
    lines = [line.split(":", 1)[0] for line in caught.value.detail.splitlines()]
    assert lines == ["replica 1", "replica 2", "replica 3"]


def stray(one: FakeInstance) -> Instance:
    """Return another instance with the label of that one, and no environment."""
    return Instance(InstanceId("990"), claims=one.order.mark.deployment, machine_id="999", started=2_000_000.0)


def test_keys_that_cannot_be_changed_as_one_does_not_serve_name_what_is_to_be_assigned() -> None:
    made, number = only_second(label_only)
    before = made.gpu.paid()
    with pytest.raises(UsageError, match="there is no key to change: no instance of ert exists") as caught:
        Process(made, rotate_fleet(WAKE), 4).finish()
    assert caught.value.detail == f"instance {number} was not changed and may bill: {LABEL_ONLY}"
    assert made.gpu.paid() == before


def test_what_needs_the_user_for_several_reasons_is_one_error() -> None:
    first, second = NeedsAttention("one", "of it", "do"), NeedsAttention("two", hint="do")
    assert together([]) is None
    assert together([second]) is second
    both = together([first, second])
    assert both is not None
    assert (both.summary, both.detail, both.hint) == ("one", "of it\ntwo", "do")


def test_what_may_still_appear_of_another_is_in_the_error() -> None:
    result = fleet(market(), replace(TWO, phase=Phase.ABSENT))[2]
    error = failure({1: Failed("no")}, {2: replace(result, unknown_for=90.0)})
    assert error.detail == "replica 2: absent; an instance of it may still appear within 90 s"
