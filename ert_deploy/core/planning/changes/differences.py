"""Differences between a running container and the config, by the config key that causes them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ert_deploy.core.model.boot.arming import BOOT, IDLE, LIFETIME
from ert_deploy.core.model.desired import Guard, Launch
from ert_deploy.core.model.observed import Instance

# Config key of each variable that only some containers have.
_SERVER = {
    "ERT_ENGINE": "engine",
    "ERT_ENGINE_CMD": "engine_command",
    "ERT_MODEL_DIGEST": "model_digest",
    "ERT_TEMPERATURE": "temperature",
    "OLLAMA_NUM_PARALLEL": "parallel",
    "OLLAMA_KV_CACHE_TYPE": "kv_type",
}
DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Difference:
    """One key of the config, such as `launch.image`, with the value that runs and the one that is wanted."""

    key: str
    before: str
    after: str


def guard_of(instance: Instance) -> Guard | None:
    """Return the limits that the instance was created with; None if they are not known."""
    found = [instance.container.seconds(name) for name in (IDLE, BOOT, LIFETIME)]
    known = [seconds for seconds in found if seconds is not None]
    return Guard(*known) if len(known) == len(found) else None


def differs_in_guard_alone(launch: Launch, instance: Instance) -> bool:
    """Whether it was created with this config except for the limits of the guard, which a running box may take."""
    guard = guard_of(instance)
    created = launch if guard is None else replace(launch, guard=guard)
    return created != launch and created.spec() == instance.spec


def limits_of(guard: Guard) -> tuple[int, int, int]:
    """Return the limits in the order in which a backend reports them."""
    return guard.idle_stop, guard.boot_deadline, guard.max_lifetime


def stricter(limits: tuple[int, int, int], wanted: tuple[int, int, int]) -> bool:
    """Whether the idle limit is at most the wanted one, where 0 is never, and the other limits are as wanted."""
    idle, most = limits[0], wanted[0]
    return limits[1:] == wanted[1:] and (idle == most or (idle > 0 and idle < (most or math.inf)))


def differences(launch: Launch, instance: Instance) -> tuple[Difference, ...]:
    """Return every difference that is known, in the order of the config; empty for an instance of this config."""
    if instance.spec == launch.spec():
        return ()
    found = tuple(_found(launch, instance))
    # All that matters is compared, but for variables of the user, whose values are never read back.
    return found or (
        (Difference("launch.env", "other variables", "as in the config"),) if instance.container.env else ()
    )


def _found(launch: Launch, instance: Instance) -> Iterator[Difference]:
    made, env, wanted = instance.container, dict(instance.container.env), launch.server.env()
    rows = [
        ("launch.image", made.image, launch.image),
        ("launch.model", env.get("ERT_MODEL", ""), launch.model),
        ("launch.disk_gb", "" if made.disk_gb is None else f"{made.disk_gb:g}", f"{launch.disk_gb:g}"),
        ("launch.context", env.get("OLLAMA_CONTEXT_LENGTH", ""), str(launch.context)),
        ("launch.debug_ssh", "" if made.shell is None else _said(made.shell), _said(launch.debug_ssh)),
        ("launch.guard.idle_stop", env.get(IDLE, ""), str(launch.guard.idle_stop)),
        ("launch.guard.boot_deadline", env.get(BOOT, ""), str(launch.guard.boot_deadline)),
        ("launch.guard.max_lifetime", env.get(LIFETIME, ""), str(launch.guard.max_lifetime)),
    ]
    if env:
        rows += [(f"launch.{key}", env.get(n, DEFAULT), wanted.get(n, DEFAULT)) for n, key in _SERVER.items()]
    yield from (Difference(key, before, after) for key, before, after in rows if before and before != after)


def _said(value: bool) -> str:
    return "true" if value else "false"
