"""`plan` for moving the app to the current backend."""

from __future__ import annotations

from dataclasses import replace

from tests.support.situations import (
    DASH,
    KEY,
    KEYED,
    NOW,
    UP,
    Table,
    app,
    env,
    healthy,
    instance,
    record,
    rollout,
    seen,
)

SITUATIONS: Table = {
    "it is healthy and not pinned": (
        UP,
        seen(instance(1), records=(record(1),), apps=(app(env(1), shows="old"),), health=(healthy(1),)),
        [
            "Pin 1: it proved its identity",
            "Deploy dash: the running app returns old",
            "Prove dash fingerprint: the running app has to show the new fingerprint",
        ],
    ),
    "its certificate has changed": (
        UP,
        seen(
            instance(1),
            records=(replace(record(1, published=True), certificate="old"),),
            rollouts=(rollout(env(1), NOW - 9),),
            apps=(app(env(1)),),
            health=(healthy(1),),
        ),
        ["Pin 1: it proved its identity"],
    ),
    "it is healthy without an address": (
        UP,
        seen(instance(1, address=None), records=(record(1),), apps=(app(KEYED),), health=(healthy(1),)),
        ["AwaitBoot 1: its address is not known yet"],
    ),
    "render was not read and it is ready": (
        UP,
        seen(instance(1), records=(record(1),), apps=None, health=(healthy(1),)),
        ["AwaitBoot 1: its address is not known yet"],
    ),
    "one variable differs": (
        UP,
        seen(
            instance(1),
            records=(record(1, pinned=True),),
            apps=(app({**env(1), DASH.names.url: KEY}),),
            health=(healthy(1),),
        ),
        [
            "Publish dash write=ERT_LLM_BACKEND_URL: the environment differs",
            "Deploy dash: to take up the new environment",
            "Prove dash fingerprint: 200 from an old process is no proof",
        ],
    ),
    "all is written and not deployed": (
        UP,
        seen(instance(1), records=(record(1, pinned=True),), apps=(app(env(1), shows=None),), health=(healthy(1),)),
        [
            "Deploy dash: the running app returns no fingerprint",
            "Prove dash fingerprint: the running app has to show the new fingerprint",
        ],
    ),
    "a deploy of ours is under way": (
        UP,
        seen(
            instance(1),
            records=(record(1, pinned=True),),
            rollouts=(rollout(env(1)),),
            apps=(app(env(1), shows="old"),),
            health=(healthy(1),),
        ),
        ["Prove dash fingerprint: the running app has to show the new fingerprint"],
    ),
    "the app shows it and nobody wrote that down": (
        UP,
        seen(instance(1), records=(record(1, pinned=True),), apps=(app(env(1)),), health=(healthy(1),)),
        ["Prove dash fingerprint: the running app has to show the new fingerprint"],
    ),
    "the app fell back to an old version": (
        UP,
        seen(
            instance(1),
            records=(record(1, pinned=True),),
            rollouts=(rollout(env(1), NOW - 100),),
            apps=(app(env(1), shows="old"),),
            health=(healthy(1),),
        ),
        [
            "Deploy dash: the running app returns old",
            "Prove dash fingerprint: the running app has to show the new fingerprint",
        ],
    ),
    "the app that has proven itself does not answer": (
        UP,
        seen(
            instance(1),
            records=(record(1, pinned=True),),
            rollouts=(rollout(env(1), NOW - 100),),
            apps=(app(env(1), shows=None),),
            health=(healthy(1),),
        ),
        ["Prove dash fingerprint: it was verified before, and the running app no longer returns it"],
    ),
    "all is well": (
        UP,
        seen(
            instance(1),
            records=(record(1, pinned=True, published=True),),
            rollouts=(rollout(env(1), NOW - 100),),
            apps=(app(env(1)),),
            health=(healthy(1),),
        ),
        [],
    ),
}
