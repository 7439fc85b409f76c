"""`plan` of `sleep`, and of `up` with a stopped instance."""

from __future__ import annotations

from dataclasses import replace

from ert_deploy.core.model.observed import Health, Vital
from ert_deploy.core.model.state import LONG_AGO
from tests.core.situations.expected_steps import ADDRESS, MOVED, RENT
from tests.support.situations import (
    KEYED,
    NOW,
    OLD,
    SLEEP,
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
    still,
    stopped,
)

SITUATIONS: Table = {
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
        ["Retire 1 token=1 1001: replaced", "Destroy 1: replaced", "ConfirmDeleted 1: seen gone"],
    ),
    "it is stopped and does not fit the config any more": (
        UP,
        seen(stopped(1, **OLD), records=(served(1),), apps=(app(env(1)),)),
        RENT,
    ),
    "two are stopped, and neither fits the config": (
        UP,
        seen(stopped(1, **OLD), stopped(2, **OLD), records=(served(1), served(2)), apps=(app(env(1)),)),
        ["Retire 1 token=1 1001: it is stopped and unusable, and its slot is needed", *RENT],
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
        ["Pin 1: it proved its identity"],
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
            "ConfirmDeleted 1: seen gone",
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
    # `sleep`
    "sleep: there is nothing": (SLEEP, seen(), []),
    "sleep: it serves": (
        SLEEP,
        seen(instance(1), records=(served(1),), apps=(app(env(1)),), health=(healthy(1),)),
        ["Stop 1: it is to sleep", "AwaitStop 1: its GPU bills until it is stopped"],
    ),
    "sleep: render cannot be read": (
        SLEEP,
        seen(instance(1), records=(served(1),), apps=(), health=(healthy(1),)),
        ["Stop 1: it is to sleep", "AwaitStop 1: its GPU bills until it is stopped"],
    ),
    "sleep: it is stopping": (
        SLEEP,
        seen(instance(1, intended="stopped"), records=(served(1),), apps=(app(env(1)),)),
        ["AwaitStop 1: its GPU bills until it is stopped"],
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
        ["Stop 1: it is to sleep", "AwaitStop 1: its GPU bills until it is stopped"],
    ),
    "sleep: it is sick": (
        SLEEP,
        seen(
            instance(1),
            records=(served(1),),
            apps=(app(env(1)),),
            watches={1: still(5, 6)},
            health=(Health(Vital.UNHEALTHY, "engine died"),),
        ),
        ["Retire 1 token=1 1001 deny: unhealthy: engine died"],
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
            "AwaitStop 1: its GPU bills until it is stopped",
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
            "Stop 1: it has to finish its reports before it stops",
            "Retire 1 token=1 1001: another disk is kept",
            "Stop 2: it is to sleep",
            "AwaitStop 2: its GPU bills until it is stopped",
        ],
    ),
    "sleep: a create is still unknown": (
        SLEEP,
        seen(stopped(1), records=(served(1),), intents=(intent(2, 60),), apps=(app(env(1)),)),
        ["Settle token=2 in 210 s: a create call with unknown outcome"],
    ),
    "sleep: an offer that was taken holds up nobody": (
        SLEEP,
        seen(stopped(1), records=(served(1),), intents=(intent(2, 30, gone=True),), apps=(app(env(1)),)),
        [],
    ),
}
