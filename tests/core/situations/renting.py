"""`plan` for renting an instance: create calls with unknown result, slow or failed starts, and unsuitable machines."""

from __future__ import annotations

from ert_deploy.core.model.boot.others import Others
from ert_deploy.providers.vast.messages import read
from tests.core.situations.expected_steps import FORECAST, LATE, RENT
from tests.support.situations import (
    ADMIN,
    BOTH,
    DASH,
    DOWN,
    KEYED,
    NOW,
    OLD,
    OTHER_KEY,
    UP,
    Table,
    app,
    env,
    healthy,
    instance,
    intent,
    record,
    rollout,
    seen,
    still,
    token,
    undated,
)

SITUATIONS: Table = {
    # No instance yet
    "nothing is there": (
        UP,
        seen(apps=(app({}),)),
        ["WriteMarkers dash: no instance was ever rented for it", *RENT],
    ),
    "a key is kept": (UP, seen(apps=(app(KEYED),)), RENT),
    "render was not read": (UP, seen(apps=None), RENT),
    "two targets": (
        BOTH,
        seen(apps=(app({}), app({}, target=ADMIN))),
        [
            "WriteMarkers dash,admin: no instance was ever rented for it",
            *RENT,
            f"Publish admin write={LATE}: known after boot",
            "Deploy admin: to take up the new environment",
            "Prove admin: known after boot",
        ],
    ),
    # Create calls with unknown result
    "one create is unknown": (
        UP,
        seen(intents=(intent(1, 30),), apps=(app(KEYED),)),
        RENT,
    ),
    "another replica has two instances, and a create is unknown": (
        UP,
        seen(intents=(intent(1, 30),), apps=(app(KEYED),), others=Others(1)),
        [
            "Settle token=1 in 240 s: a create call with unknown outcome",
            "AwaitTurn: another replica has a second instance",
            *RENT,
        ],
    ),
    "two creates are unknown": (
        UP,
        seen(intents=(intent(1, 30), intent(2, 10)), apps=(app(KEYED),)),
        [
            "Settle token=1 in 240 s: a create call with unknown outcome",
            "Settle token=2 in 240 s: a create call with unknown outcome",
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
            "Settle token=1 in 240 s: a create call with unknown outcome",
            "Settle token=2 in 240 s: a create call with unknown outcome",
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
            "Settle token=3 in 140 s: a create call with unknown outcome",
        ],
    ),
    "an unknown create shows itself": (
        UP,
        seen(instance(1, status="loading"), intents=(intent(1, 30),), apps=(app(KEYED),)),
        ["RecordInstance 1 token=1: our create call made it", "AwaitBoot 1: loading", *FORECAST],
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
        ["Settle token=2 in 210 s: a create call with unknown outcome"],
    ),
    # Starting
    "it is provisioning": (
        UP,
        seen(instance(1, status=None, address=None), records=(record(1),), apps=(app(KEYED),)),
        ["AwaitBoot 1: provisioning", *FORECAST],
    ),
    "it says what it does": (
        UP,
        seen(instance(1, message=read("pulling layers")), records=(record(1),), apps=(app(KEYED),)),
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
    # Unsuitable machines
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
            "Prove dash fingerprint: 200 from an old process is no proof",
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
}
