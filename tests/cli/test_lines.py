"""Output lines of each step, during a run and in a plan."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from ert_deploy.cli.view.lines import line, passing, verb
from ert_deploy.core.model import steps
from ert_deploy.core.model.events import Destroyed, OfReplica, Started, Waiting
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.steps import Step

KINDS = get_args(Step)
VALUES = {"token": "0" * 32, "instance_id": 7, "machine_id": 3, "until": 9.0, "target": "dash", "targets": ("dash",)}
LIMITS = {"idle_stop": 600, "boot_deadline": 2700, "max_lifetime": 0}
MORE = {"write": ("A",), "delete": ("B",), "fingerprint": "0123456789abcdef", "reason": "because"}


def test_every_kind_of_step_is_here() -> None:
    assert {steps.AwaitGone, steps.Rent, steps.Prove} < set(KINDS)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_step_can_be_named_while_it_is_taken(kind: type[Step]) -> None:
    given: dict[str, Any] = {**VALUES, **LIMITS, **MORE}
    step: Any = kind(**{name: given[name] for name in kind.__match_args__ if name in given})
    said = verb(step)
    assert said
    if "instance_id" in kind.__match_args__:
        assert "instance 7" in said
    assert passing(Started(step)) == ("" if kind is steps.AwaitBoot else said)


def test_a_line_of_one_of_several_replicas_says_which_one() -> None:
    gone = OfReplica(2, Destroyed(InstanceId("7")))
    assert line(gone) == f"replica 2: {line(gone.event)}"
    assert passing(OfReplica(3, Waiting("a turn", 5.0))) == "replica 3: waiting for a turn (5 s)"
    assert line(OfReplica(2, Waiting("a turn", 5.0))) == passing(gone) == ""
