"""`plan` for limits of the guard that changed: sent to a machine that takes them, else it is replaced."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ert_deploy.core.model.boot.arming import BOOT, IDLE, LIFETIME
from ert_deploy.core.model.boot.container import read
from ert_deploy.core.model.desired import Guard
from tests.core.situations.expected_steps import RENT
from tests.support.situations import NOW, UP, Table, app, env, healthy, instance, record, rollout, seen

# Created with another idle stop than in the config; its image takes new limits, or is too old for that.
SHORTER = Guard(idle_stop=600)
GUARDED = {
    "spec": replace(UP.launch, guard=SHORTER).spec(),
    "container": read(UP.launch.image, UP.launch.disk_gb, False, {IDLE: "600", BOOT: "2700", LIFETIME: "43200"}),
}
SET_LIMITS = "SetLimits 1 1200 2700 43200: its guard takes other limits while it runs"
IN_USE: dict[str, Any] = {
    "records": (record(1, pinned=True, published=True),),
    "rollouts": (rollout(env(1), NOW - 100),),
    "apps": (app(env(1)),),
}

SITUATIONS: Table = {
    "the limits of the guard were changed, and its image takes them": (
        UP,
        seen(instance(1, **GUARDED), health=(replace(healthy(1), limits=(600, 2700, 43200)),), **IN_USE),
        [SET_LIMITS],
    ),
    "the limits of the guard were changed, and it has them": (
        UP,
        seen(instance(1, **GUARDED), health=(replace(healthy(1), limits=(1200, 2700, 43200)),), **IN_USE),
        [],
    ),
    "the limits of the guard were changed back, and it still has others": (
        UP,
        seen(instance(1), health=(replace(healthy(1), limits=(600, 2700, 43200)),), **IN_USE),
        [SET_LIMITS],
    ),
    "the limits of the guard were changed, and its image is too old": (
        UP,
        seen(instance(1, **GUARDED), health=(healthy(1),), **IN_USE),
        ["Rent: instance 1 serves until then: launch.guard.idle_stop changed", *RENT[1:]],
    ),
    "the limits of the guard were changed, and it does not answer": (
        UP,
        seen(instance(1, **GUARDED), **IN_USE),
        ["AwaitBoot 1: running"],
    ),
    "the limits of the guard and the image were changed": (
        replace(UP, launch=replace(UP.launch, image="llm-backend:2")),
        seen(instance(1, **GUARDED), health=(replace(healthy(1), limits=(600, 2700, 43200)),), **IN_USE),
        ["Rent: instance 1 serves until then: launch.image, launch.guard.idle_stop changed", *RENT[1:]],
    ),
}
