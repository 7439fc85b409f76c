"""Rotation: replaces the API key between the apps and the backend during operation.

Unfinished work is completed first. The plan then has all further steps: create a key in memory, add it to the backend,
move every app over, verify each of them, let requests with the old key finish, remove the old key. After a crash the
apps still work, and the next run that keeps the deployment running continues with the keys in the apps.
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
from ert_deploy.engine.observe import observe
from ert_deploy.engine.run_context import RunMemory


@dataclass(frozen=True, slots=True)
class Rotated:
    """Result of `key rotate`: the names of the key before and after, and the final result."""

    before: str
    after: str
    result: Result


def rotate(desired: Desired) -> Effects[Rotated]:
    """Change the key. Raises UsageError before any change unless the backend is ready and matches the config."""
    must_serve((yield from observe(desired, RunMemory())))
    before = yield from apply(desired, memory := RunMemory())
    result = yield from apply(desired, memory.for_new_key())
    return rotated(before, result)


def must_serve(situation: Situation) -> None:
    """Raise UsageError unless a backend is ready that matches the config."""
    now, name = situation.classified, situation.desired.deployment
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


def rotated(before: Result, after: Result) -> Rotated:
    """Return what the results of both runs say of the keys."""
    return Rotated(_name(before.situation), _name(after.situation), after)


def _name(situation: Situation) -> str:
    current = situation.classified.current
    key = situation.current_key(current.instance) if current is not None else None
    assert key is not None, "a serving backend has a key"
    return named(key.sha256())
