"""plan(desired, observed) -> steps, as data: facts in, steps out, each on one line with its reason."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest

from ert_deploy.core.model import steps
from ert_deploy.core.model.desired import Criteria, Desired
from ert_deploy.core.model.observed import Health, Instance, Observed, Vital
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.model.state import LONG_AGO, State
from ert_deploy.core.planning.key_acceptance import besides
from ert_deploy.core.planning.plan import plan
from tests.support.situations import (
    ADMIN,
    DASH,
    DOWN,
    KEY,
    NOW,
    OTHER_KEY,
    SLEEP,
    UP,
    app,
    env,
    healthy,
    instance,
    intent,
    off,
    record,
    rollout,
    seen,
    served,
    shown,
    still,
    stopped,
    token,
    told_keys,
    tombstone,
    undated,
    url,
)

SECOND_GOES = [
    "Drain 2: requests under way may finish",
    "Retire 2 token=2 1002: replaced",
    "Destroy 2: replaced",
    "Bury 2: seen gone",
]
OWNED = ",".join(DASH.names.all())
LATE = "ERT_LLM_BACKEND_URL,ERT_LLM_API_KEY,ERT_LLM_CA_CERT,ERT_LLM_CONFIG_FINGERPRINT"
ADDRESS = "ERT_LLM_BACKEND_URL,ERT_LLM_CA_CERT,ERT_LLM_CONFIG_FINGERPRINT"
POINTERS = "ERT_LLM_BACKEND_URL,ERT_LLM_API_KEY,ERT_LLM_TIMEOUT,ERT_LLM_CA_CERT"
FORECAST = [
    "AddKey: a key of its own",
    f"Publish dash write={LATE}: known after boot",
    "Deploy dash: to take up the new environment",
    "Prove dash: known after boot",
]
DROP = "DropKeys 1: it takes a key that no app is to use"
REKEY = "Publish dash write=ERT_LLM_API_KEY,ERT_LLM_CONFIG_FINGERPRINT: the environment differs"
MOVED = [
    "Deploy dash: to take up the new environment",
    "Prove dash fingerprint: 200 from an old process proves nothing",
]
RENT = ["Rent: no backend is there", "AwaitBoot: the one that will be rented", *FORECAST]
UNFIT = "it runs with another image, model, disk, context or guard than the config asks for"
REPLACE = [f"Rent: instance 1 serves until then: {UNFIT}", *RENT[1:]]
KEYED = {DASH.names.key: KEY}
OLD = {"spec": "another config"}
BOTH = replace(UP, targets=(DASH, ADMIN))
BIT = {DASH.names.url: KEY}

SITUATIONS: dict[str, tuple[Desired, Observed, list[str]]] = {
    # Nothing there yet
    "nothing is there": (
        UP,
        seen(apps=(app({}),)),
        ["MarkApps dash: nothing was ever rented for it", *RENT],
    ),
    "a key is kept": (UP, seen(apps=(app(KEYED),)), RENT),
    "render was not read": (UP, seen(apps=None), RENT),
    "two targets": (
        BOTH,
        seen(apps=(app({}), app({}, target=ADMIN))),
        [
            "MarkApps dash,admin: nothing was ever rented for it",
            *RENT,
            f"Publish admin write={LATE}: known after boot",
            "Deploy admin: to take up the new environment",
            "Prove admin: known after boot",
        ],
    ),
    # Creates whose outcome is not known
    "one create is unknown": (
        UP,
        seen(intents=(intent(1, 30),), apps=(app(KEYED),)),
        RENT,
    ),
    "two creates are unknown": (
        UP,
        seen(intents=(intent(1, 30), intent(2, 10)), apps=(app(KEYED),)),
        [
            "Settle token=1 in 240 s: a create call whose outcome is not known",
            "Settle token=2 in 240 s: a create call whose outcome is not known",
            *RENT,
        ],
    ),
    "two creates are known to have found no offer": (
        UP,
        seen(intents=(intent(1, 30, gone=True), intent(2, 10, gone=True)), apps=(app(KEYED),)),
        RENT,
    ),
    "an unknown create has left no trace": (
        UP,
        seen(intents=(intent(1, 270),), apps=(app(KEYED),)),
        ["DropIntent token=1: no trace of it after 240 s", *RENT],
    ),
    "an unknown create is as old as the margin allows for": (
        UP,
        seen(intents=(intent(1, 269),), apps=(app(KEYED),)),
        RENT,
    ),
    "an unknown create was written down by a clock that nobody reads": (
        DOWN,
        seen(intents=(undated(1, NOW - 9000), undated(2, NOW + 9000))),
        [
            "Settle token=1 in 240 s: a create call whose outcome is not known",
            "Settle token=2 in 240 s: a create call whose outcome is not known",
        ],
    ),
    "an unknown create has been known to this run for long enough": (
        DOWN,
        seen(
            intents=(undated(1, NOW), intent(2, -9000), undated(3, NOW)),
            first_seen={(token(1), -NOW): NOW - 240, (token(2), NOW + 9000): NOW - 240, (token(3), -NOW): NOW - 100},
            provider_now=None,
        ),
        [
            "DropIntent token=1: no trace of it after 240 s",
            "DropIntent token=2: no trace of it after 240 s",
            "Settle token=3 in 140 s: a create call whose outcome is not known",
        ],
    ),
    "an unknown create shows itself": (
        UP,
        seen(instance(1, status="loading"), intents=(intent(1, 30),), apps=(app(KEYED),)),
        ["Record 1 token=1: our create call made it", "AwaitBoot 1: loading", *FORECAST],
    ),
    "it is ready, and another create is still unknown": (
        UP,
        seen(
            instance(1),
            records=(record(1, pinned=True, published=True),),
            intents=(intent(2, 60), intent(3, 30, gone=True)),
            rollouts=(rollout(env(1), NOW - 100),),
            apps=(app(env(1)),),
            health=(healthy(1),),
        ),
        ["Settle token=2 in 210 s: a create call whose outcome is not known"],
    ),
    # Booting
    "it is provisioning": (
        UP,
        seen(instance(1, status=None, address=None), records=(record(1),), apps=(app(KEYED),)),
        ["AwaitBoot 1: provisioning", *FORECAST],
    ),
    "it says what it does": (
        UP,
        seen(instance(1, message="pulling layers"), records=(record(1),), apps=(app(KEYED),)),
        ["AwaitBoot 1: pulling layers", *FORECAST],
    ),
    "it stands still": (
        UP,
        seen(instance(1), records=(record(1),), apps=(app(KEYED),), watches={1: still(300)}),
        [
            "Retire 1 token=1 1001 deny: no progress for 300 s (timings/no_progress)",
            *RENT,
        ],
    ),
    "it looked bad once": (
        UP,
        seen(instance(1, status="exited"), records=(record(1),), apps=(app(KEYED),), watches={1: still(5, 1)}),
        ["AwaitBoot 1: the container is exited", *FORECAST],
    ),
    "it looked bad twice": (
        UP,
        seen(instance(1, status="exited"), records=(record(1),), apps=(app(KEYED),), watches={1: still(5, 2)}),
        ["Retire 1 token=1 1001 deny: the container is exited", *RENT],
    ),
    # Asleep
    "it was stopped on purpose": (
        UP,
        seen(stopped(1), records=(served(1),), apps=(app(env(1)),), watches={1: still(5, 2)}),
        ["Wake 1: it is stopped", "AwaitBoot 1: its disk has everything it needs"],
    ),
    "it was started a moment ago": (
        UP,
        seen(stopped(1), records=(served(1, woken=NOW - 9),), apps=(app(env(1)),)),
        ["AwaitBoot 1: started, and still listed as stopped"],
    ),
    "it is stopped, and another one is ready": (
        UP,
        seen(
            stopped(1),
            instance(2),
            records=(served(1), served(2)),
            rollouts=(rollout(env(2), NOW - 9),),
            apps=(app(env(2)),),
            health=(None, healthy(2)),
        ),
        ["Retire 1 token=1 1001: replaced", "Destroy 1: replaced", "Bury 1: seen gone"],
    ),
    "it is stopped and does not fit the config any more": (
        UP,
        seen(stopped(1, **OLD), records=(served(1),), apps=(app(env(1)),)),
        RENT,
    ),
    "two are stopped, and neither fits the config": (
        UP,
        seen(stopped(1, **OLD), stopped(2, **OLD), records=(served(1), served(2)), apps=(app(env(1)),)),
        ["Retire 1 token=1 1001: it is stopped, cannot be used, and room is needed", *RENT],
    ),
    "it was started and gets nowhere": (
        UP,
        seen(
            instance(1, status="exited"),
            records=(served(1, woken=NOW - 400),),
            apps=(app(env(1)),),
            watches={1: still(300)},
        ),
        ["Strand 1: no progress for 300 s (timings/no_progress)", *RENT],
    ),
    "its GPU was taken": (
        UP,
        seen(stopped(1), records=(served(1, woken=NOW - 400, stranded=NOW - 399),), apps=(app(env(1)),)),
        RENT,
    ),
    "its GPU was taken, and it starts all the same": (
        UP,
        seen(instance(1), records=(replace(record(1), woken=NOW - 400, stranded=NOW - 399),), apps=(app(off()),)),
        ["Retire 1 token=1 1001: its start was given up, and it runs all the same", *RENT],
    ),
    "its GPU was taken, and it starts all the same while an app points at it": (
        UP,
        seen(instance(1), records=(served(1, woken=NOW - 400, stranded=NOW - 399),), apps=(app(env(1)),)),
        RENT,
    ),
    "its start was given up, and it serves all the same": (
        UP,
        seen(
            instance(1),
            records=(served(1, woken=NOW - 400, stranded=NOW - 399),),
            rollouts=(rollout(env(1), NOW - 9000),),
            apps=(app(env(1)),),
            health=(healthy(1),),
        ),
        ["Pin 1: it has proven its identity"],
    ),
    "its GPU was taken, and the one in its place is ready": (
        UP,
        seen(
            stopped(1),
            instance(2),
            records=(served(1, stranded=NOW - 399), record(2, pinned=True)),
            apps=(app(env(1)),),
            health=(None, healthy(2)),
        ),
        [
            f"Publish dash write={ADDRESS}: the environment differs",
            *MOVED,
            "Retire 1 token=1 1001: replaced",
            "Destroy 1: replaced",
            "Bury 1: seen gone",
        ],
    ),
    "it was started and its address is the same": (
        UP,
        seen(
            instance(1),
            records=(served(1, woken=NOW - 90),),
            rollouts=(rollout(env(1), NOW - 9000),),
            apps=(app(env(1)),),
            health=(healthy(1),),
        ),
        [],
    ),
    "sleep: there is nothing": (SLEEP, seen(), []),
    "sleep: it serves": (
        SLEEP,
        seen(instance(1), records=(served(1),), apps=(app(env(1)),), health=(healthy(1),)),
        ["Stop 1: it is to sleep", "AwaitStop 1: its GPU is paid until it is stopped"],
    ),
    "sleep: render cannot be read": (
        SLEEP,
        seen(instance(1), records=(served(1),), apps=(), health=(healthy(1),)),
        ["Stop 1: it is to sleep", "AwaitStop 1: its GPU is paid until it is stopped"],
    ),
    "sleep: it is stopping": (
        SLEEP,
        seen(instance(1, intended="stopped"), records=(served(1),), apps=(app(env(1)),)),
        ["AwaitStop 1: its GPU is paid until it is stopped"],
    ),
    "sleep: it is asleep": (SLEEP, seen(stopped(1), records=(served(1),), apps=(app(env(1)),)), []),
    "sleep: a start of it may still come": (
        SLEEP,
        seen(stopped(1), records=(served(1, woken=NOW - 239),), apps=(app(env(1)),)),
        ["AwaitStop 1: a start of it may still take effect", "Stop 1: a start of it may be queued"],
    ),
    "sleep: a start of it would have come": (
        SLEEP,
        seen(stopped(1), records=(served(1, woken=NOW - 270, at=NOW - 270),), apps=(app(env(1)),)),
        ["Stop 1: a start of it may be queued"],
    ),
    "sleep: a start of it before its record was lost may still come": (
        SLEEP,
        seen(stopped(1), records=(served(1, woken=LONG_AGO, at=NOW - 239),), apps=(app(env(1)),)),
        ["AwaitStop 1: a start of it may still take effect", "Stop 1: a start of it may be queued"],
    ),
    "sleep: it never became healthy": (
        SLEEP,
        seen(instance(1), records=(record(1),), apps=(app(KEYED),)),
        ["Retire 1 token=1 1001: it never became healthy"],
    ),
    "sleep: we cannot reach it, perhaps the app can": (
        SLEEP,
        seen(instance(1), records=(served(1),), apps=(app(env(1)),), watches={1: still(300)}),
        ["Stop 1: it is to sleep", "AwaitStop 1: its GPU is paid until it is stopped"],
    ),
    "sleep: it is sick": (
        SLEEP,
        seen(
            instance(1),
            records=(served(1),),
            apps=(app(env(1)),),
            watches={1: still(5, 6)},
            health=(Health(Vital.SICK, "engine died"),),
        ),
        ["Retire 1 token=1 1001 deny: sick: engine died"],
    ),
    "sleep: its GPU was taken": (
        SLEEP,
        seen(stopped(1), records=(served(1, stranded=NOW - 9),), apps=(app(env(1)),)),
        ["Retire 1 token=1 1001: it cannot be started"],
    ),
    "sleep: a move is under way": (
        SLEEP,
        seen(
            instance(1),
            instance(2),
            records=(served(1), record(2, pinned=True)),
            apps=(app(env(1)),),
            health=(healthy(1), healthy(2)),
        ),
        [
            "Retire 2 token=2 1002: another disk is kept",
            "Stop 1: it is to sleep",
            "AwaitStop 1: its GPU is paid until it is stopped",
        ],
    ),
    "sleep: a move is under way, and one of the two does not answer at this look": (
        SLEEP,
        seen(
            instance(1),
            instance(2),
            records=(served(1), served(2)),
            apps=(app(env(1)),),
            health=(None, healthy(2)),
        ),
        [
            "Stop 1: it is to finish its reports before it goes",
            "Retire 1 token=1 1001: another disk is kept",
            "Stop 2: it is to sleep",
            "AwaitStop 2: its GPU is paid until it is stopped",
        ],
    ),
    "sleep: a create is still unknown": (
        SLEEP,
        seen(stopped(1), records=(served(1),), intents=(intent(2, 60),), apps=(app(env(1)),)),
        ["Settle token=2 in 210 s: a create call whose outcome is not known"],
    ),
    "sleep: an offer that was taken holds up nobody": (
        SLEEP,
        seen(stopped(1), records=(served(1),), intents=(intent(2, 30, gone=True),), apps=(app(env(1)),)),
        [],
    ),
    "down now: what bills goes before the app is told": (
        replace(DOWN, apps_first=False),
        seen(instance(1), records=(served(1),), rollouts=(rollout(env(1)),), apps=(app(env(1)),), health=(healthy(1),)),
        [
            "Retire 1 token=1 1001: not wanted any more",
            "Destroy 1: not wanted any more",
            "Bury 1: seen gone",
            f"Publish dash write=REMOTE_LLM_INTEGRATION,ERT_LLM_CONFIG_FINGERPRINT delete={POINTERS}:"
            " the environment differs",
            "Deploy dash: to take up the new environment",
            "Prove dash fingerprint: 200 from an old process proves nothing",
        ],
    ),
    "down: it is asleep": (
        DOWN,
        seen(stopped(1), records=(served(1),), rollouts=(rollout(off()),), apps=(app(off()),)),
        [
            "Prove dash fingerprint: the running app has to show the new fingerprint",
            "Retire 1 token=1 1001: not wanted any more",
            "Destroy 1: not wanted any more",
            "Bury 1: seen gone",
        ],
    ),
    "it costs more than the cap": (
        UP,
        seen(instance(1, dph=0.41), records=(record(1),), apps=(app(KEYED),)),
        ["Retire 1 token=1 1001: it costs $0.4100/h, the cap is $0.4/h (offer/max_dph)", *RENT],
    ),
    "its price is rounded": (
        UP,
        seen(instance(1, dph=0.4001), records=(record(1),), apps=(app(KEYED),)),
        ["AwaitBoot 1: running", *FORECAST],
    ),
    "its price is no number": (
        UP,
        seen(instance(1, dph=float("nan")), records=(record(1),), apps=(app(KEYED),)),
        ["Retire 1 token=1 1001: it costs an unknown price per hour, the cap is $0.4/h (offer/max_dph)", *RENT],
    ),
    "two are booting": (
        UP,
        seen(instance(1), instance(2), records=(record(1), record(2)), apps=(app(KEYED),)),
        ["Retire 2 token=2 1002: another instance serves", "AwaitBoot 1: running", *FORECAST],
    ),
    "the second one is ready first": (
        UP,
        seen(
            instance(1),
            instance(2),
            records=(record(1), record(2, pinned=True)),
            apps=(app(KEYED, shows=None),),
            health=(None, healthy(2)),
        ),
        [
            "Retire 1 token=1 1001: another instance serves",
            "Publish dash write=REMOTE_LLM_INTEGRATION,ERT_LLM_BACKEND_URL,ERT_LLM_TIMEOUT,ERT_LLM_CA_CERT,"
            "OLLAMA_INTEGRATION,OPENAI_INTEGRATION,ERT_LLM_CONFIG_FINGERPRINT: the environment differs",
            "Deploy dash: to take up the new environment",
            "Prove dash fingerprint: 200 from an old process proves nothing",
        ],
    ),
    "it does not fit the config": (
        UP,
        seen(instance(1, **OLD), records=(record(1),), apps=(app(KEYED),)),
        ["Retire 1 token=1 1001: it does not fit the config", *RENT],
    ),
    "it does not take the key the app holds": (
        UP,
        seen(instance(1), records=(record(1),), apps=(app({DASH.names.key: OTHER_KEY}),)),
        ["AwaitBoot 1: running", *FORECAST],
    ),
    # Moving the app over
    "it is healthy and not pinned": (
        UP,
        seen(instance(1), records=(record(1),), apps=(app(env(1), shows="old"),), health=(healthy(1),)),
        [
            "Pin 1: it has proven its identity",
            "Deploy dash: the running app shows old",
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
        ["Pin 1: it has proven its identity"],
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
            apps=(app({**env(1), **BIT}),),
            health=(healthy(1),),
        ),
        [
            "Publish dash write=ERT_LLM_BACKEND_URL: the environment differs",
            "Deploy dash: to take up the new environment",
            "Prove dash fingerprint: 200 from an old process proves nothing",
        ],
    ),
    "all is written and not deployed": (
        UP,
        seen(instance(1), records=(record(1, pinned=True),), apps=(app(env(1), shows=None),), health=(healthy(1),)),
        [
            "Deploy dash: the running app shows no fingerprint",
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
            "Deploy dash: the running app shows old",
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
        ["Prove dash fingerprint: it was proven once, and the running app does not show it now"],
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
    # Replacing one that serves
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
            "Bury 1: seen gone",
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
            "Bury 1: seen gone",
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
            "Deploy admin: the running app shows old",
            "Prove admin fingerprint: the running app has to show the new fingerprint",
            "Drain 1: requests under way may finish",
            "Retire 1 token=1 1001: replaced",
            "Destroy 1: replaced",
            "Bury 1: seen gone",
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
            health=(Health(Vital.SICK, "engine died"),),
            watches={1: still(5, 6)},
        ),
        ["Retire 1 token=1 1001 deny: sick: engine died", *RENT],
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
            "Bury 1: seen gone",
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
            "Drain 1 in 50 s: requests with a key that nobody remembers may finish",
            "AddKey 1: no app holds a key that it takes",
            "Pin 1: it has proven its identity",
            *FORECAST[1:],
            "Drain 2 in 50 s: requests under way may finish",
            "Retire 2 token=2 1002: replaced",
            "Destroy 2: replaced",
            "Bury 2: seen gone",
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
            "Pin 1: it has proven its identity",
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
            "Retire 1 token=1 1001: no app can use it any more, and room is needed",
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
            "Retire 1 token=1 1001: no app can use it any more, and room is needed",
            *RENT,
        ],
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
            "Retire 1 token=1 1001: no app can use it any more, and room is needed",
            *RENT,
        ],
    ),
    "an app may run with it and with a key that nobody knows, as the state was lost": (
        UP,
        seen(instance(1), records=(record(1),), apps=(app(off(), shows="its"),), health=(healthy(1),)),
        ["AddKey 1: no app holds a key that it takes", "Pin 1: it has proven its identity", *FORECAST[1:]],
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
            "Bury 2: seen gone",
        ],
    ),
    # Another key
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
            "Drain 1 in 50 s: requests with a key that nobody remembers may finish",
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
            "Drain 1 in 75 s: requests with a key that nobody remembers may finish",
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
    # What is left over
    "an old grave": (
        UP,
        seen(
            instance(1),
            instance(2),
            records=(record(2),),
            tombstones=(tombstone(1), tombstone(9, "sick")),
            apps=(app(KEYED),),
        ),
        [
            "Destroy 1: replaced",
            "Bury 1: seen gone",
            "Bury 9: seen gone",
            "AwaitBoot 2: running",
            *FORECAST,
        ],
    ),
    "the grave that was tried least comes first": (
        DOWN,
        seen(instance(1), instance(2), tombstones=(tombstone(1), tombstone(2)), tries={1: 3, 2: 1}),
        [
            "Destroy 2: replaced",
            "Bury 2: seen gone",
            "Destroy 1: replaced",
            "Bury 1: seen gone",
        ],
    ),
    "what is entombed has lost its label": (
        DOWN,
        seen(instance(1, mark=None, claims=None), tombstones=(tombstone(1),)),
        ["Destroy 1: replaced", "Bury 1: seen gone"],
    ),
    "what is entombed has lost its environment": (
        DOWN,
        seen(instance(1, mark=None, born=None), tombstones=(tombstone(1),)),
        [],
    ),
    "a create that is not answered has left a label alone": (
        DOWN,
        seen(instance(1, mark=None, born=None, owner=""), intents=(intent(1, 500),)),
        [],
    ),
    "what is in the state has lost its environment": (
        DOWN,
        seen(instance(1, mark=None, born=None), records=(record(1),)),
        [],
    ),
    "a record without an instance": (
        UP,
        seen(records=(record(1),), apps=(app(KEYED),)),
        ["DropRecord 1: it is not in a complete listing", *RENT],
    ),
    "an instance of another deployment, a cloned label, and a stranger": (
        DOWN,
        seen(
            replace(instance(1), mark=replace(instance(1).mark, deployment="other"), claims="other"),  # type: ignore[type-var]
            instance(2, mark=None, born=None, owner=""),
            Instance(3),
        ),
        [],
    ),
    # On the way down
    "nothing is wanted and nothing is there": (DOWN, seen(apps=(app({}),)), []),
    "all is taken away": (
        DOWN,
        seen(
            instance(1),
            records=(record(1, pinned=True, published=True),),
            rollouts=(rollout(env(1), NOW - 100),),
            apps=(app(env(1)),),
            health=(healthy(1),),
        ),
        [
            f"Publish dash write=REMOTE_LLM_INTEGRATION,ERT_LLM_CONFIG_FINGERPRINT delete={POINTERS}:"
            " the environment differs",
            "Deploy dash: to take up the new environment",
            "Prove dash fingerprint: 200 from an old process proves nothing",
            "Retire 1 token=1 1001: not wanted any more",
            "Destroy 1: not wanted any more",
            "Bury 1: seen gone",
        ],
    ),
    "the app is told and requests may finish": (
        DOWN,
        seen(
            instance(1),
            records=(record(1, published=True),),
            rollouts=(rollout(off(), NOW - 25),),
            apps=(app(off()),),
        ),
        [
            "Drain 1 in 50 s: requests under way may finish",
            "Retire 1 token=1 1001: not wanted any more",
            "Destroy 1: not wanted any more",
            "Bury 1: seen gone",
        ],
    ),
    "a healthy one may be asked, whatever the state remembers": (
        DOWN,
        seen(instance(1), rollouts=(rollout(off(), NOW - 25),), apps=(app(off()),), health=(healthy(1),)),
        [
            "Drain 1 in 50 s: requests under way may finish",
            "Retire 1 token=1 1001: not wanted any more",
            "Destroy 1: not wanted any more",
            "Bury 1: seen gone",
        ],
    ),
    "the app cannot be told": (
        DOWN,
        seen(
            instance(1),
            records=(record(1, published=True),),
            apps=(app(env(1)),),
            abandoned=frozenset({"dash"}),
        ),
        [
            "Retire 1 token=1 1001: not wanted any more",
            "Destroy 1: not wanted any more",
            "Bury 1: seen gone",
        ],
    ),
    "an app that was never ours is left alone": (
        DOWN,
        seen(instance(1), apps=(app({DASH.names.enabled: KEY}),)),
        [
            "Retire 1 token=1 1001: not wanted any more",
            "Destroy 1: not wanted any more",
            "Bury 1: seen gone",
        ],
    ),
    "creates are waited for on the way down, but not where the offer was taken": (
        DOWN,
        seen(records=(record(3),), intents=(intent(1, 30), intent(2, 10, gone=True), intent(4, 300))),
        [
            "DropRecord 3: it is not in a complete listing",
            "DropIntent token=4: no trace of it after 270 s",
            "DropIntent token=2: its offer was taken",
            "Settle token=1 in 240 s: a create call whose outcome is not known",
        ],
    ),
    "down: what is not seen gone holds up nothing else": (
        DOWN,
        seen(
            instance(1),
            instance(2),
            tombstones=(tombstone(1), tombstone(2), tombstone(3)),
            due={
                steps.Destroy(1, "replaced"): NOW + 20,
                steps.Destroy(2, "replaced"): NOW,
                steps.Bury(3, "seen gone"): NOW + 10,
            },
        ),
        [
            "Destroy 2: replaced",
            "Bury 2: seen gone",
            "AwaitGone 3 in 10 s: it is not seen gone yet",
            "AwaitGone 1 in 20 s: it is not seen gone yet",
        ],
    ),
    "down: there was no state before": (
        DOWN,
        replace(seen(), state=State("ert", begun=NOW - 60)),
        ["Settle in 210 s: the state was blank or unreadable; a create may be under way"],
    ),
    "down: there was no state before, and that is long ago": (DOWN, replace(seen(), state=State("ert", begun=5.0)), []),
    "down now: there was no state before, and nobody waits": (
        replace(DOWN, apps_first=False),
        replace(seen(), state=State("ert", begun=NOW - 60)),
        [],
    ),
}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_situation(situation: str) -> None:
    desired, observed, expected = SITUATIONS[situation]
    assert [shown(step) for step in plan(desired, observed)] == expected


def test_the_table_knows_every_step_and_every_one_has_a_reason() -> None:
    taken = [step for desired, observed, _ in SITUATIONS.values() for step in plan(desired, observed)]
    every = {kind for group in get_args(steps.Step) for kind in (get_args(group) or (group,))}
    assert {type(step) for step in taken} == every
    assert all(step.reason for step in taken)


@pytest.mark.parametrize("situation", SITUATIONS)
def test_a_plan_is_a_function_of_its_facts(situation: str) -> None:
    desired, observed, _ = SITUATIONS[situation]
    assert plan(desired, observed) == plan(desired, observed)
    assert len(set(plan(desired, observed))) == len(plan(desired, observed)), "a step is said twice"


def test_a_plan_shows_no_secret() -> None:
    for desired, observed, _ in SITUATIONS.values():
        said = repr(plan(desired, observed)) + repr(observed)
        assert KEY.reveal() not in said
        assert OTHER_KEY.reveal() not in said
        assert url(1) not in repr(plan(desired, observed))


def test_an_instance_is_what_the_price_cap_says_now() -> None:
    looser = replace(UP, criteria=Criteria(max_dph=0.50))
    observed = seen(instance(1, dph=0.41), records=(record(1),), apps=(app(KEYED),))
    assert [shown(s) for s in plan(looser, observed)] == ["AwaitBoot 1: running", *FORECAST]


def test_one_more_key_makes_room_for_itself() -> None:
    """A backend takes four: what no app holds goes first, the oldest before the others."""
    assert besides(("a", "b", "c"), ()) == ("a", "b", "c")
    assert besides(("a", "b", "c", "d"), ("a",)) == ("a", "c", "d")
    assert besides(("a", "b", "c", "d"), ("a", "b", "c", "d")) == ("b", "c", "d")
