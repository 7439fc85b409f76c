"""`plan` for replacing the current backend: config change, fault, and all slots in use."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ert_deploy.core.model.arming import BOOT, IDLE, LIFETIME
from ert_deploy.core.model.boot.container import read
from ert_deploy.core.model.desired import Guard
from ert_deploy.core.model.observed import Health, Vital
from ert_deploy.core.model.secret import Secret
from tests.core.situations.expected_steps import ADDRESS, FORECAST, LATE, MOVED, RENT, REPLACE, SECOND_GOES
from tests.support.situations import (
    ADMIN,
    BOTH,
    DASH,
    NOW,
    OLD,
    OTHER_KEY,
    UP,
    Table,
    app,
    env,
    healthy,
    instance,
    off,
    record,
    rollout,
    seen,
    served,
    still,
)

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
    "the config was changed": (
        UP,
        seen(
            instance(1, **OLD),
            records=(record(1, pinned=True, published=True),),
            rollouts=(rollout(env(1), NOW - 100),),
            apps=(app(env(1)),),
            health=(healthy(1),),
        ),
        REPLACE,
    ),
    "the config was changed and the state was lost": (
        UP,
        seen(instance(1, **OLD), apps=(app(env(1)),), health=(healthy(1),)),
        ["Record 1 token=1: it carries our marks and was not in the state", *REPLACE],
    ),
    "the app moves from the old to the new one": (
        UP,
        seen(
            instance(1, **OLD),
            instance(2),
            records=(record(1, pinned=True, published=True), record(2, pinned=True)),
            rollouts=(rollout(env(1), NOW - 100),),
            apps=(app(env(1)),),
            health=(healthy(1), healthy(2)),
        ),
        [
            f"Publish dash write={ADDRESS}: the environment differs",
            *MOVED,
            "Retire 1 token=1 1001: replaced",
            "Destroy 1: replaced",
            "ConfirmDeleted 1: seen gone",
        ],
    ),
    "the old one drains": (
        UP,
        seen(
            instance(1, **OLD),
            instance(2),
            records=(record(1, published=True), record(2, pinned=True, published=True)),
            rollouts=(rollout(env(2), NOW - 25),),
            apps=(app(env(2)),),
            health=(healthy(1), healthy(2)),
        ),
        [
            "Drain 1 in 50 s: requests under way may finish",
            "Retire 1 token=1 1001: replaced",
            "Destroy 1: replaced",
            "ConfirmDeleted 1: seen gone",
        ],
    ),
    "the old one drains until the second app has moved too": (
        BOTH,
        seen(
            instance(1, **OLD),
            instance(2),
            records=(record(1, published=True), record(2, pinned=True, published=True)),
            rollouts=(rollout(env(2), NOW - 100),),
            apps=(app(env(2)), app(env(2, ADMIN), shows="old", target=ADMIN)),
            health=(healthy(1), healthy(2)),
        ),
        [
            "Deploy admin: the running app returns old",
            "Prove admin fingerprint: the running app has to show the new fingerprint",
            "Drain 1: requests under way may finish",
            "Retire 1 token=1 1001: replaced",
            "Destroy 1: replaced",
            "ConfirmDeleted 1: seen gone",
        ],
    ),
    "one that serves cannot be reached": (
        UP,
        seen(
            instance(1),
            records=(record(1, pinned=True, published=True),),
            apps=(app(env(1)),),
            health=(Health(Vital.UNREACHABLE),),
            watches={1: still(300)},
        ),
        RENT,
    ),
    "one that served says that it is sick": (
        UP,
        seen(
            instance(1),
            records=(record(1, pinned=True, published=True),),
            apps=(app(env(1)),),
            health=(Health(Vital.UNHEALTHY, "engine died"),),
            watches={1: still(5, 6)},
        ),
        ["Retire 1 token=1 1001 deny: unhealthy: engine died", *RENT],
    ),
    "two that do not fit take all slots: the move is finished first": (
        UP,
        seen(
            instance(1, **OLD),
            instance(2, **OLD),
            records=(record(1, published=True), record(2, pinned=True, published=True)),
            rollouts=(rollout(env(2)),),
            apps=(app(env(2), shows="old"),),
            health=(healthy(1), healthy(2)),
        ),
        [
            "Prove dash fingerprint: the running app has to show the new fingerprint",
            "Drain 1: requests under way may finish",
            "Retire 1 token=1 1001: replaced",
            "Destroy 1: replaced",
            "ConfirmDeleted 1: seen gone",
        ],
    ),
    "two that no app points at take all slots": (
        UP,
        seen(
            instance(1, **OLD),
            instance(2, **OLD),
            records=(record(1, published=True), record(2, pinned=True, published=True)),
            rollouts=(rollout(env(2), NOW - 25),),
            apps=(app({DASH.names.fingerprint: Secret("0123456789abcdef")}),),
            health=(healthy(1), healthy(2)),
        ),
        [
            "Drain 1 in 50 s: requests with an unknown key may finish",
            "AddKey 1: no app holds a key that it takes",
            "Pin 1: it proved its identity",
            *FORECAST[1:],
            "Drain 2 in 50 s: requests under way may finish",
            "Retire 2 token=2 1002: replaced",
            "Destroy 2: replaced",
            "ConfirmDeleted 2: seen gone",
        ],
    ),
    "two that an app may run with, and no app was ever told about the younger": (
        UP,
        seen(
            instance(1, **OLD),
            instance(2, **OLD),
            records=(record(1, pinned=True, published=True), record(2, pinned=True)),
            apps=(app(off(), shows="that of one of them"),),
            health=(healthy(1), healthy(2)),
        ),
        ["AddKey 1: no app holds a key that it takes", *FORECAST[1:], *SECOND_GOES],
    ),
    "two that an app may run with, and a key is kept again": (
        UP,
        seen(
            instance(1, **OLD),
            instance(2, **OLD),
            records=(record(1, pinned=True, published=True), record(2, pinned=True, published=True)),
            apps=(app({**off(), DASH.names.key: OTHER_KEY}, shows="that of one of them"),),
            health=(healthy(1), healthy(2)),
        ),
        ["AddKey 1: no app holds a key that it takes", *FORECAST[1:], *SECOND_GOES],
    ),
    "two that an app may run with that does not answer, and a key is kept again": (
        UP,
        seen(
            instance(1, **OLD),
            instance(2, **OLD),
            records=(record(1, pinned=True, published=True), record(2, pinned=True, published=True)),
            apps=(app({**off(), DASH.names.key: OTHER_KEY}, shows=None),),
            health=(healthy(1), healthy(2)),
        ),
        ["AddKey 1: no app holds a key that it takes", *FORECAST[1:], *SECOND_GOES],
    ),
    "two that an app may run with, of which one is silent, and a key is kept again": (
        UP,
        seen(
            instance(1, **OLD),
            instance(2, **OLD),
            records=(record(1, pinned=True, published=True), record(2, pinned=True, published=True)),
            apps=(app({**off(), DASH.names.key: OTHER_KEY}, shows="that of one of them"),),
            health=(healthy(1),),
        ),
        ["AddKey 1: no app holds a key that it takes", *FORECAST[1:], *SECOND_GOES],
    ),
    "two that an app may run with, both silent at this look, and a key is kept again": (
        UP,
        seen(
            instance(1, **OLD),
            instance(2, **OLD),
            records=(record(1, pinned=True, published=True), record(2, pinned=True, published=True)),
            apps=(app({**off(), DASH.names.key: OTHER_KEY}, shows="that of one of them"),),
        ),
        ["AwaitBoot 1: running"],
    ),
    "two whose records were lost, one of which an app may run with": (
        UP,
        seen(
            instance(1, **OLD),
            instance(2, **OLD),
            records=(record(1, published=True), record(2, published=True)),
            apps=(app({**off(), DASH.names.key: OTHER_KEY}, shows="that of one of them"),),
            health=(healthy(1), healthy(2)),
        ),
        [
            "AddKey 1: no app holds a key that it takes",
            "Pin 1: it proved its identity",
            *FORECAST[1:],
            *SECOND_GOES,
        ],
    ),
    "two that no app points at, and requests have finished": (
        UP,
        seen(
            instance(1, **OLD),
            instance(2, **OLD),
            records=(record(1, published=True), record(2, published=True)),
            rollouts=(rollout(off(), NOW - 100),),
            apps=(app(off()),),
        ),
        ["AwaitBoot 1: running"],
    ),
    "two that no app points at, while the deploy that takes the app away from one is under way": (
        UP,
        seen(
            instance(1, **OLD),
            instance(2, **OLD),
            records=(record(1, pinned=True, published=True), record(2, pinned=True, published=True, at=NOW - 5)),
            rollouts=(replace(rollout(off()), at=NOW - 9),),
            apps=(app(off(), shows="that of 1"),),
            health=(healthy(1), healthy(2)),
        ),
        ["AddKey 1: no app holds a key that it takes", *FORECAST[1:], *SECOND_GOES],
    ),
    "two that an app may run with, while its deploy is under way": (
        UP,
        seen(
            instance(1, **OLD),
            instance(2, **OLD),
            records=(record(1, pinned=True, published=True), record(2, pinned=True, published=True)),
            rollouts=(replace(rollout(off()), at=NOW - 9),),
            apps=(app(off(), shows="that of one of them"),),
            health=(healthy(1), healthy(2)),
        ),
        ["AddKey 1: no app holds a key that it takes", *FORECAST[1:], *SECOND_GOES],
    ),
    "two that are lost, and the app was taken away from them just now": (
        UP,
        seen(
            instance(1),
            instance(2),
            records=(served(1), served(2)),
            rollouts=(rollout(off(), NOW - 25),),
            apps=(app(off()),),
            health=(Health(Vital.IMPOSTOR), Health(Vital.IMPOSTOR)),
            watches={1: still(300, 6), 2: still(300, 6)},
        ),
        [
            "Drain 1 in 50 s: requests under way may finish",
            "Retire 1 token=1 1001: no app can use it any more, and its slot is needed",
            *RENT,
        ],
    ),
    "two that are lost, while the deploy that takes the app away is under way": (
        UP,
        seen(
            instance(1),
            instance(2),
            records=(served(1), served(2)),
            rollouts=(replace(rollout(off()), at=NOW - 9),),
            apps=(app(off(), shows="that of one of them"),),
            health=tuple(Health(Vital.UNREACHABLE, certificate=certificate) for certificate in ("1", "2")),
            watches={1: still(300), 2: still(300)},
        ),
        [
            f"Drain 1 in {UP.timings.deploy_limit - 9:.0f} s: an app that may run with it is being deployed",
            "Retire 1 token=1 1001: no app can use it any more, and its slot is needed",
            *RENT,
        ],
    ),
    "two that are lost: one was published before, and an app may run with the other": (
        UP,
        seen(
            instance(1, **OLD),
            instance(2, **OLD),
            records=(record(1, published=True), record(2, pinned=True)),
            rollouts=(replace(rollout(off()), at=NOW - 9),),
            apps=(app(off(), shows="that of 2"),),
            health=(Health(Vital.IMPOSTOR), Health(Vital.UNREACHABLE, certificate="2")),
            watches={1: still(300, 6), 2: still(300, 6)},
        ),
        ["Retire 1 token=1 1001: no app can use it any more, and its slot is needed", *RENT],
    ),
    "two take all slots: one gets nowhere, and the other is lost": (
        UP,
        seen(
            instance(1, status="exited", address=None),
            instance(2),
            records=(served(1, woken=NOW - 400), served(2)),
            rollouts=(rollout(env(2), NOW - 100),),
            apps=(app(env(2)),),
            health=(None, Health(Vital.IMPOSTOR)),
            watches={1: still(300), 2: still(300, 6)},
        ),
        [
            "Strand 1: no progress for 300 s (timings/no_progress)",
            "Retire 1 token=1 1001: no app can use it any more, and its slot is needed",
            *RENT,
        ],
    ),
    "an app may run with it and with a key that nobody knows, as the state was lost": (
        UP,
        seen(instance(1), records=(record(1),), apps=(app(off(), shows="its"),), health=(healthy(1),)),
        ["AddKey 1: no app holds a key that it takes", "Pin 1: it proved its identity", *FORECAST[1:]],
    ),
    "two take all slots, and the one that no app points at has no address yet": (
        UP,
        seen(
            instance(1, **OLD),
            instance(2, **OLD, address=None, status="loading", key_hashes=(OTHER_KEY.sha256(),)),
            records=(served(1), served(2, woken=NOW - 30)),
            rollouts=(rollout(env(1), NOW - 100),),
            apps=(app(env(1)),),
            health=(Health(Vital.IMPOSTOR), None),
            watches={1: still(300, 6)},
        ),
        ["AwaitBoot 2: loading"],
    ),
    "an impostor serves, and the app that points at the other one holds a key that one does not take": (
        BOTH,
        seen(
            instance(1, key_hashes=(OTHER_KEY.sha256(),)),
            instance(2),
            records=(served(1), served(2)),
            rollouts=(rollout(env(2), NOW - 100),),
            apps=(app(env(2)), app(env(1), target=ADMIN)),
            health=(healthy(1), Health(Vital.IMPOSTOR)),
            watches={2: still(300, 6)},
        ),
        [
            "AddKey 1: no app holds a key that it takes",
            *FORECAST[1:],
            f"Publish admin write={LATE}: known after boot",
            "Deploy admin: to take up the new environment",
            "Prove admin: known after boot",
            "Drain 2: requests under way may finish",
            "Retire 2 token=2 1002: replaced",
            "Destroy 2: replaced",
            "ConfirmDeleted 2: seen gone",
        ],
    ),
}
