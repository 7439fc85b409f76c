"""Rotation: another API key between the apps and the backend, while it serves.

Whatever is unfinished is finished first. Then there is a new key in this run's memory, and the plan says the rest: add
it to the backend, move every app over, see each prove it, let requests with the old one finish, drop the old one. A run
that dies on the way leaves apps that work; the next run of anything that serves goes on with what the apps hold.
"""

from __future__ import annotations

from dataclasses import dataclass

from ert_deploy.core.model import keys
from ert_deploy.core.model.desired import Desired
from ert_deploy.core.model.errors import UsageError
from ert_deploy.core.model.observed import Observed
from ert_deploy.core.planning.candidates import kept_key, standing
from ert_deploy.core.planning.health import Stage
from ert_deploy.core.planning.key_acceptance import named
from ert_deploy.core.planning.ownership import ours
from ert_deploy.engine import effects as e
from ert_deploy.engine.apply import Result, apply
from ert_deploy.engine.effects import Effects, perform
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
    _must_serve(desired, (yield from observe(desired, Memory())))
    before = yield from apply(desired)
    fresh = keys.make_key((yield from perform(e.Draw(keys.KEY_BYTES))))
    result = yield from apply(desired, Memory(fresh=fresh))
    return Rotated(_name(desired, before.observed), _name(desired, result.observed), result)


def _must_serve(desired: Desired, observed: Observed) -> None:
    now = standing(desired, observed)
    stage = now.verdicts[now.current.instance.id].stage if now.current is not None else None
    if stage is Stage.READY:
        return
    if not ours(desired, observed):
        raise UsageError(
            f"there is no key to change: no instance of {desired.deployment} exists",
            hint="`ert-deploy up` rents a GPU, and makes a key for it",
        )
    if stage is Stage.ASLEEP:
        raise UsageError(
            f"{desired.deployment} is asleep, and a stopped backend takes no new key", hint="`ert-deploy wake` first"
        )
    raise UsageError(
        f"no backend of {desired.deployment} serves now as the config says, and only one that does takes a new key",
        hint="`ert-deploy status` shows how it is; `ert-deploy up` first",
    )


def _name(desired: Desired, observed: Observed) -> str:
    key = kept_key(desired, observed)
    assert key is not None, "what serves has a key"
    return named(key.sha256())
