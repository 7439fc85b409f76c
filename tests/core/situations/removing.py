"""`plan` of `down`, and for remaining tombstones and records."""

from __future__ import annotations

from dataclasses import replace

from ert_deploy.core.model import steps
from ert_deploy.core.model.observed import Instance
from ert_deploy.core.model.state import State
from tests.core.situations.expected_steps import FORECAST, POINTERS, RENT
from tests.support.ids import nth
from tests.support.situations import (
    DASH,
    DOWN,
    KEY,
    KEYED,
    NOW,
    UP,
    Table,
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
    stopped,
    tombstone,
)

SITUATIONS: Table = {
    # Remaining entries
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
            "ConfirmDeleted 1: seen gone",
            "ConfirmDeleted 9: seen gone",
            "AwaitBoot 2: running",
            *FORECAST,
        ],
    ),
    "the grave that was tried least comes first": (
        DOWN,
        seen(instance(1), instance(2), tombstones=(tombstone(1), tombstone(2)), tries={1: 3, 2: 1}),
        [
            "Destroy 2: replaced",
            "ConfirmDeleted 2: seen gone",
            "Destroy 1: replaced",
            "ConfirmDeleted 1: seen gone",
        ],
    ),
    "what is marked has lost its label": (
        DOWN,
        seen(instance(1, mark=None, claims=None), tombstones=(tombstone(1),)),
        ["Destroy 1: replaced", "ConfirmDeleted 1: seen gone"],
    ),
    "what is marked has lost its environment": (
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
            Instance(nth(3)),
        ),
        [],
    ),
    # `down`
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
            "Prove dash fingerprint: 200 from an old process is no proof",
            "Retire 1 token=1 1001: no longer needed",
            "Destroy 1: no longer needed",
            "ConfirmDeleted 1: seen gone",
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
            "Retire 1 token=1 1001: no longer needed",
            "Destroy 1: no longer needed",
            "ConfirmDeleted 1: seen gone",
        ],
    ),
    "a healthy one may be asked, whatever the state remembers": (
        DOWN,
        seen(instance(1), rollouts=(rollout(off(), NOW - 25),), apps=(app(off()),), health=(healthy(1),)),
        [
            "Drain 1 in 50 s: requests under way may finish",
            "Retire 1 token=1 1001: no longer needed",
            "Destroy 1: no longer needed",
            "ConfirmDeleted 1: seen gone",
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
            "Retire 1 token=1 1001: no longer needed",
            "Destroy 1: no longer needed",
            "ConfirmDeleted 1: seen gone",
        ],
    ),
    "an app that was never ours is left alone": (
        DOWN,
        seen(instance(1), apps=(app({DASH.names.enabled: KEY}),)),
        [
            "Retire 1 token=1 1001: no longer needed",
            "Destroy 1: no longer needed",
            "ConfirmDeleted 1: seen gone",
        ],
    ),
    "creates are waited for on the way down, but not where the offer was taken": (
        DOWN,
        seen(records=(record(3),), intents=(intent(1, 30), intent(2, 10, gone=True), intent(4, 300))),
        [
            "DropRecord 3: it is not in a complete listing",
            "DropIntent token=4: no trace of it after 270 s",
            "DropIntent token=2: its offer was taken",
            "Settle token=1 in 240 s: a create call with unknown outcome",
        ],
    ),
    "down: what is not seen gone holds up nothing else": (
        DOWN,
        seen(
            instance(1),
            instance(2),
            tombstones=(tombstone(1), tombstone(2), tombstone(3)),
            due={
                steps.Destroy(nth(1), "replaced"): NOW + 20,
                steps.Destroy(nth(2), "replaced"): NOW,
                steps.ConfirmDeleted(nth(3), "seen gone"): NOW + 10,
            },
        ),
        [
            "Destroy 2: replaced",
            "ConfirmDeleted 2: seen gone",
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
    "down now: what bills goes before the app is told": (
        replace(DOWN, apps_first=False),
        seen(instance(1), records=(served(1),), rollouts=(rollout(env(1)),), apps=(app(env(1)),), health=(healthy(1),)),
        [
            "Retire 1 token=1 1001: no longer needed",
            "Destroy 1: no longer needed",
            "ConfirmDeleted 1: seen gone",
            f"Publish dash write=REMOTE_LLM_INTEGRATION,ERT_LLM_CONFIG_FINGERPRINT delete={POINTERS}:"
            " the environment differs",
            "Deploy dash: to take up the new environment",
            "Prove dash fingerprint: 200 from an old process is no proof",
        ],
    ),
    "down: it is asleep": (
        DOWN,
        seen(stopped(1), records=(served(1),), rollouts=(rollout(off()),), apps=(app(off()),)),
        [
            "Prove dash fingerprint: the running app has to show the new fingerprint",
            "Retire 1 token=1 1001: no longer needed",
            "Destroy 1: no longer needed",
            "ConfirmDeleted 1: seen gone",
        ],
    ),
}
