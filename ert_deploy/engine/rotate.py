"""Rotation: another API key between the apps and the backend, while it serves.

Whatever is unfinished is finished first. Then the plan says the rest: make a key in this run's memory, add it to the
backend, move every app over, see each prove it, let requests with the old one finish, drop the old one. A run
that dies on the way leaves apps that work; the next run of anything that serves goes on with what the apps hold.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ert_deploy.core.model.desired import Desired
from ert_deploy.core.model.errors import UsageError
from ert_deploy.core.planning.health import Stage, complaint
from ert_deploy.core.planning.key_acceptance import named
from ert_deploy.core.planning.situation import Situation
from ert_deploy.engine.apply import Result, apply
from ert_deploy.engine.effects import Effects
from ert_deploy.engine.memory import Memory
from ert_deploy.engine.observe import observe


@dataclass(frozen=True, slots=True)
class Rotated:
    """How it ended: the names of the key before and after, and the last look."""

    before: str
    after: str
    result: Result


def rotate(desired: Desired) -> Effects[Rotated]:
    """Change the key. UsageError, and nothing done, unless a backend serves as the config says."""
    _must_serve((yield from observe(desired, Memory())))
    before = yield from apply(desired)
    result = yield from apply(desired, Memory(rotating=True))
    return Rotated(_name(before.situation), _name(result.situation), result)


def _must_serve(situation: Situation) -> None:
    now, name = situation.standing, situation.desired.deployment
    stage = now.verdicts[now.current.instance.id].stage if now.current is not None else None
    if stage is Stage.READY:
        return
    if not situation.ours:
        raise UsageError(
            f"there is no key to change: no instance of {name} exists",
            hint="`ert-deploy up` rents a GPU, and makes a key for it",
        )
    if stage is Stage.ASLEEP:
        raise UsageError(
            f"{name} is asleep, and a stopped backend cannot take a new key",
            hint="`ert-deploy wake` first",
        )
    raise UsageError(
        f"no backend of {name} serves now as configured, and only a serving one can take a new key",
        "\n".join(_amiss(situation)),
        hint="check it with `ert-deploy status`, and run `ert-deploy up` first",
    )


def _amiss(situation: Situation) -> Iterator[str]:
    for instance in situation.ours:
        if why := complaint(instance, situation.observed.health.get(instance.id)):
            yield f"instance {instance.id}: {why}"


def _name(situation: Situation) -> str:
    current = situation.standing.current
    key = situation.current_key(current.instance) if current is not None else None
    assert key is not None, "a serving backend has a key"
    return named(key.sha256())
