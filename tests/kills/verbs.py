"""Table of commands for the kill points. Each new command of the CLI needs a row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.kills.invariants import MOST_PAID, are_up, is_asleep, is_asleep_again, is_down, is_up
from tests.kills.stage import Stage

OTHER_CONTEXT = 4096
TWO_AND_ONE = 3


@dataclass(frozen=True, slots=True)
class Verb:
    """`prepare` sets up a new `Stage` for the command; `check` verifies the result. At most `most` are paid at once."""

    name: str
    prepare: Callable[[Stage], None]
    command: tuple[str, ...]
    check: Callable[[Stage], None]
    most: int = MOST_PAID


def _nothing(_: Stage) -> None:
    """Keep the initial state."""


def _up(stage: Stage) -> None:
    stage.desk.ert("up")


def _reconfigured(stage: Stage) -> None:
    _up(stage)
    stage.desk.configure(stage.directory, context=OTHER_CONTEXT)


def _without_its_state(stage: Stage) -> None:
    _up(stage)
    stage.desk.lose_state()


def _rotated(stage: Stage) -> None:
    _up(stage)
    stage.desk.ert("key", "rotate")


def _rotated_without_its_state(stage: Stage) -> None:
    _rotated(stage)
    stage.desk.lose_state()


def _asleep(stage: Stage) -> None:
    _up(stage)
    stage.desk.ert("sleep")


def _asleep_without_its_state(stage: Stage) -> None:
    _asleep(stage)
    stage.desk.lose_state()


def _asleep_and_taken(stage: Stage) -> None:
    _asleep(stage)
    (contract,) = stage.existing()
    stage.vast.trouble({"kind": "gpu_taken", "instance_id": contract.id})


def _lost_among_strangers(stage: Stage) -> None:
    """Put the instance to sleep, as `reap` does not remove one with a ready backend; ignore the clone."""
    stage.desk.configure(stage.directory, ignored=tuple(c.id for c in stage.strangers()))
    _asleep_without_its_state(stage)


def _two(stage: Stage) -> None:
    """Have the command want two replicas."""
    stage.desk.configure(stage.directory, replicas=2)


def _two_up(stage: Stage) -> None:
    _two(stage)
    _up(stage)


def _one_more(stage: Stage) -> None:
    _up(stage)
    _two(stage)


def _one_less(stage: Stage) -> None:
    _two_up(stage)
    stage.desk.configure(stage.directory)


def _two_reconfigured(stage: Stage) -> None:
    _two_up(stage)
    stage.desk.configure(stage.directory, context=OTHER_CONTEXT, replicas=2)


def _two_without_their_state(stage: Stage) -> None:
    _two_up(stage)
    stage.desk.lose_state()


def _is_reaped(stage: Stage) -> None:
    """Check that only the strangers exist, and that `down` only has to update the app."""
    assert stage.existing() == [], "something of ours is left"
    others = [c for c in stage.contracts() if c not in stage.ours()]
    assert [c.destroyed for c in others] == [None, None], "an instance of somebody else was touched"
    stage.desk.ert("down")
    is_down(stage)


VERBS = (
    Verb("up", _nothing, ("up",), is_up),
    Verb("up, config changed", _reconfigured, ("up",), is_up),
    Verb("up, state lost", _without_its_state, ("up",), is_up),
    Verb("down", _up, ("down",), is_down),
    Verb("down, state lost", _without_its_state, ("down",), is_down),
    Verb("down, now", _up, ("down", "--now"), is_down),
    Verb("sleep", _up, ("sleep",), is_asleep),
    Verb("sleep, state lost", _asleep_without_its_state, ("sleep",), is_asleep_again),
    Verb("wake", _asleep, ("wake",), is_up),
    Verb("wake, GPU taken", _asleep_and_taken, ("wake",), is_up),
    Verb("down, asleep", _asleep, ("down",), is_down),
    Verb("key rotate", _up, ("key", "rotate"), is_up),
    Verb("up, a key rotated and the state lost", _rotated_without_its_state, ("up",), is_up),
    Verb("up, two replicas", _two, ("up",), are_up, TWO_AND_ONE),
    Verb("up, one replica more", _one_more, ("up",), are_up, TWO_AND_ONE),
    Verb("up, one replica less", _one_less, ("up",), is_up, TWO_AND_ONE),
    Verb("up, two replicas changed", _two_reconfigured, ("up",), are_up, TWO_AND_ONE),
    Verb("down, two replicas, state lost", _two_without_their_state, ("down",), is_down, TWO_AND_ONE),
    Verb("reap, state lost", _lost_among_strangers, ("reap", "--yes", "--state-is-lost"), _is_reaped),
)
ALL = {verb.name: verb for verb in VERBS}
