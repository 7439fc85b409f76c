"""`plan` with a change of the key of a backend."""

from __future__ import annotations

from tests.core.situations.expected_steps import DROP, FORECAST, MOVED, REKEY
from tests.support.situations import (
    ADMIN,
    BOTH,
    DASH,
    KEY,
    NOW,
    OTHER_KEY,
    UP,
    Table,
    app,
    env,
    healthy,
    instance,
    rollout,
    seen,
    served,
    told_keys,
)

SITUATIONS: Table = {
    "a new key is made": (
        UP,
        seen(
            instance(1),
            records=(served(1),),
            rollouts=(rollout(env(1), NOW - 100),),
            apps=(app(env(1)),),
            health=(healthy(1),),
            made={1: OTHER_KEY},
            rotating=True,
        ),
        ["AddKey 1: a new key is to take the place of the old one"],
    ),
    "a new key is made, and the app was moved over just now": (
        UP,
        seen(
            instance(1),
            records=(served(1),),
            rollouts=(rollout(env(1), NOW - 25),),
            apps=(app(env(1)),),
            health=(healthy(1),),
            made={1: OTHER_KEY},
            rotating=True,
        ),
        [
            "Drain 1 in 50 s: requests with an unknown key may finish",
            "AddKey 1: a new key is to take the place of the old one",
        ],
    ),
    "a new key is made, and the app was moved over at a time that nobody can tell": (
        UP,
        seen(
            instance(1),
            records=(served(1),),
            rollouts=(rollout(env(1), NOW + 3600),),
            apps=(app(env(1)),),
            health=(healthy(1),),
            made={1: OTHER_KEY},
            rotating=True,
        ),
        [
            "Drain 1 in 75 s: requests with an unknown key may finish",
            "AddKey 1: a new key is to take the place of the old one",
        ],
    ),
    "it was asked to take the new key, and did not answer": (
        UP,
        seen(
            instance(1),
            records=(told_keys(1, (), (KEY, OTHER_KEY)),),
            rollouts=(rollout(env(1), NOW - 100),),
            apps=(app(env(1)),),
            health=(healthy(1),),
            made={1: OTHER_KEY},
            rotating=True,
        ),
        ["AddKey 1: a new key is to take the place of the old one", DROP],
    ),
    "it takes the new key": (
        UP,
        seen(
            instance(1),
            records=(told_keys(1, (KEY, OTHER_KEY)),),
            rollouts=(rollout(env(1), NOW - 100),),
            apps=(app(env(1)),),
            health=(healthy(1),),
            made={1: OTHER_KEY},
            rotating=True,
        ),
        [REKEY, *MOVED, DROP],
    ),
    "the run that made the new key is gone, and nobody holds it": (
        UP,
        seen(
            instance(1),
            records=(told_keys(1, (KEY, OTHER_KEY)),),
            rollouts=(rollout(env(1), NOW - 100),),
            apps=(app(env(1)),),
            health=(healthy(1),),
        ),
        [DROP],
    ),
    "the run is gone after it has asked": (
        UP,
        seen(
            instance(1),
            records=(told_keys(1, (), (KEY, OTHER_KEY)),),
            rollouts=(rollout(env(1), NOW - 100),),
            apps=(app(env(1)),),
            health=(healthy(1),),
        ),
        [DROP],
    ),
    "one of two apps has the new key: it is gone on with": (
        BOTH,
        seen(
            instance(1),
            records=(told_keys(1, (KEY, OTHER_KEY)),),
            rollouts=(rollout(env(1), NOW - 100), rollout(env(1, ADMIN, OTHER_KEY), NOW - 100, ADMIN)),
            apps=(app(env(1)), app(env(1, ADMIN, OTHER_KEY), target=ADMIN)),
            health=(healthy(1),),
        ),
        [REKEY, *MOVED, DROP],
    ),
    "the new key is written, and the rest is not": (
        UP,
        seen(
            instance(1),
            records=(told_keys(1, (KEY, OTHER_KEY)),),
            apps=(app({**env(1), DASH.names.key: OTHER_KEY}),),
            health=(healthy(1),),
        ),
        [
            "Publish dash write=ERT_LLM_CONFIG_FINGERPRINT: the environment differs",
            *MOVED,
            "Drain 1: requests with another key may finish",
            DROP,
        ],
    ),
    "the app has just proven that it uses the new key": (
        UP,
        seen(
            instance(1),
            records=(told_keys(1, (KEY, OTHER_KEY)),),
            rollouts=(rollout(env(1, key=OTHER_KEY), NOW - 25),),
            apps=(app(env(1, key=OTHER_KEY)),),
            health=(healthy(1),),
        ),
        ["Drain 1 in 50 s: requests with another key may finish", DROP],
    ),
    "it was told to drop the old key, and did not answer": (
        UP,
        seen(
            instance(1),
            records=(told_keys(1, (KEY, OTHER_KEY), (OTHER_KEY,)),),
            rollouts=(rollout(env(1, key=OTHER_KEY), NOW - 100),),
            apps=(app(env(1, key=OTHER_KEY)),),
            health=(healthy(1),),
        ),
        [DROP],
    ),
    "the old key is dropped": (
        UP,
        seen(
            instance(1),
            records=(told_keys(1, (OTHER_KEY,)),),
            rollouts=(rollout(env(1, key=OTHER_KEY), NOW - 100),),
            apps=(app(env(1, key=OTHER_KEY)),),
            health=(healthy(1),),
            made={1: OTHER_KEY},
            rotating=True,
        ),
        [],
    ),
    "an app still has the key that was dropped": (
        UP,
        seen(
            instance(1),
            records=(told_keys(1, (OTHER_KEY,)),),
            rollouts=(rollout(env(1), NOW - 100),),
            apps=(app(env(1)),),
            health=(healthy(1),),
        ),
        ["AddKey 1: no app holds a key that it takes", *FORECAST[1:]],
    ),
}
