"""`Situation`: values derived from desired and observed state, computed once per observation."""

from __future__ import annotations

from typing import Any

import pytest

from ert_deploy.core.planning import situation as module
from ert_deploy.core.planning.marks import Ownership, sort_out
from ert_deploy.core.planning.plan import plan
from ert_deploy.core.planning.situation import Situation
from tests.support.situations import DOWN, UP, app, env, healthy, instance, rollout, seen, served, tombstone

SERVING = seen(
    instance(1),
    records=(served(1),),
    rollouts=(rollout(env(1), proven=1.0),),
    apps=(app(env(1)),),
    health=(healthy(1),),
)


def test_a_plan_sorts_the_instances_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    def counted(name: str) -> Any:
        function = getattr(module, name)

        def call(*args: Any) -> Any:
            calls.append(name)
            return function(*args)

        return call

    for name in ("owned", "held_keys", "candidate", "classify"):
        monkeypatch.setattr(module, name, counted(name))
    assert plan(Situation(UP, SERVING)) == ()
    assert sorted(calls) == ["candidate", "classify", "held_keys", "owned"]


def test_another_wish_makes_another_situation_of_the_same_look() -> None:
    up, down = Situation(UP, SERVING), Situation(DOWN, SERVING)
    assert plan(up) == ()
    assert plan(down) != ()
    assert up != down


def test_what_is_worked_out_does_not_count_in_a_comparison() -> None:
    situation = Situation(UP, SERVING)
    assert situation.classified.current is not None
    assert situation == Situation(UP, SERVING)
    assert situation == Situation(UP, SERVING, Ownership())


def test_places_that_are_known_already_are_not_looked_for() -> None:
    placed = sort_out(UP, SERVING.instances, SERVING.state, Situation(UP, SERVING).services)
    assert Situation(UP, SERVING, placed).ownership is placed
    assert Situation(UP, SERVING).ownership == placed


def test_an_instance_that_left_the_list_and_is_not_confirmed_gone_takes_a_slot() -> None:
    gone = (tombstone(2),)
    unlisted = seen(instance(1), records=(served(1),), tombstones=gone)
    listed = seen(instance(1), instance(2), records=(served(1),), tombstones=gone)
    assert (Situation(UP, unlisted).slots_taken, Situation(UP, listed).slots_taken) == (2, 2)
    assert Situation(UP, seen(instance(1), records=(served(1),))).slots_taken == 1


def test_slots_and_machines_count_what_may_bill() -> None:
    assert (Situation(UP, SERVING).slots_taken, Situation(UP, SERVING).occupied) == (1, frozenset({"1001"}))
    nothing = Situation(UP, seen())
    assert (nothing.slots_taken, nothing.occupied, nothing.serving) == (0, frozenset(), ())
