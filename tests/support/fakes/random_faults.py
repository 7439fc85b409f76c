"""Random faults on every call of the in-memory ports, reproducible by seed."""

from __future__ import annotations

import random
from collections.abc import Callable

from ert_deploy.core.model.errors import (
    CannotObserve,
    CreateRefused,
    ErtError,
    Failed,
    OfferGone,
    OutcomeUnknown,
    Rejected,
    Transient,
    UsageError,
)
from ert_deploy.core.model.labels import Mark
from ert_deploy.core.model.observed import Instance
from tests.support.fakes import behaviours
from tests.support.fakes.loopback import FakeWorld
from tests.support.ids import nth
from tests.support.vast.says import says

CONDUCTS = (
    behaviours.stuck, behaviours.sick, behaviours.impostor, behaviours.unreachable, behaviours.overpriced,
    behaviours.priceless, behaviours.unpullable, behaviours.exited, behaviours.stopped,
)  # fmt: skip
READS = ("list", "get", "search", "account", "service", "read_env", "newest_deploy", "get_deploy")
WRITES = ("destroy", "put_env", "delete_env")
# With a create delayed by at most 150 s and a listing by at most 60 s, all is visible within the settle time.
LATEST, FURTHEST_BEHIND = 150, 60


def storm(world: FakeWorld, draw: random.Random) -> None:
    """Enable failing calls, faulty machines and delayed lists from now on, drawn from this seed."""
    rate = draw.choice((0.0, 0.1, 0.2, 0.3))
    faults = _faults(draw)

    def chance(operation: str) -> ErtError | None:
        return faults[operation]() if operation in faults and draw.random() < rate else None

    for part in (world.gpu, world.web, world.backend, world.store):
        part.faults.chance = chance
    world.gpu.hidden = draw.choice((0, 0, 20, FURTHEST_BEHIND))
    world.gpu.unknown = min(world.gpu.hidden, draw.choice((0, FURTHEST_BEHIND)))
    world.gpu.lingers = draw.choice((0, 0, 15, FURTHEST_BEHIND))
    world.gpu.slow_list = draw.choice((0, 0, 5, 60))
    world.web.endings = draw.choices(("live", "live", "update_failed"), k=3)
    for machine in range(1001, 1013):
        if draw.random() < rate:
            world.gpu.conduct[str(machine)] = draw.choice(CONDUCTS)


def calm(world: FakeWorld) -> None:
    """Disable all faults from now on; existing instances keep their behaviour."""
    for part in (world.gpu, world.web, world.backend, world.store):
        part.faults.chance = None
    world.gpu.hidden = world.gpu.unknown = world.gpu.lingers = world.gpu.slow_list = 0.0
    world.gpu.conduct.clear()
    world.web.endings.clear()


def neighbours(world: FakeWorld) -> None:
    """Add instances not owned by the deployment: another deployment's, a cloned label, and an unlabelled one."""
    token = "ab" * 16
    world.gpu.foreign += [
        Instance(nth(901), Mark("other", token), "other", **says("running")),
        Instance(nth(902), None, "ert", **says("running")),
        Instance(nth(903), None, None, **says("exited")),
    ]


def _faults(draw: random.Random) -> dict[str, Callable[[], ErtError]]:
    def effect() -> str:
        return draw.choice(("", "after"))

    return {
        **dict.fromkeys(READS, lambda: CannotObserve("no answer")),
        **dict.fromkeys(WRITES, lambda: Transient("try again", effect())),
        "load": lambda: UsageError("cannot be read"),
        "save": lambda: Failed("cannot be written", effect()),
        "probe": lambda: Transient("no route"),
        "accepts": lambda: Transient("no route"),
        "keys_in_force": lambda: Transient("no route"),
        "set_keys": lambda: Transient("no route", effect()),
        "deploy": lambda: draw.choice(
            (
                Transient("busy"),
                Rejected("no"),
                OutcomeUnknown("?"),
                OutcomeUnknown("?", "after"),
                OutcomeUnknown("", "empty"),
            )
        ),
        "create": lambda: draw.choice(
            (
                OfferGone("no_such_ask"),
                CreateRefused("insufficient_credit", "before"),
                CreateRefused("bad gateway"),
                OutcomeUnknown("timeout", "before"),
                OutcomeUnknown("timeout"),
                OutcomeUnknown("timeout", f"late {draw.randrange(LATEST)}"),
            )
        ),
    }
