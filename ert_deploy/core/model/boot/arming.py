"""Guard limits: checks that a create request carries limits after which the instance stops itself, and its bid.

The limits work without the deployer running. A request is therefore never sent if its limits do not match the config,
if a limit is not positive while the config does not set it to 0, or if both ways of stopping are disabled.
"""

from __future__ import annotations

from collections.abc import Mapping

from ert_deploy.core.model.desired import Guard, Launch, Market
from ert_deploy.core.model.errors import Failed

IDLE, BOOT, LIFETIME = "ERT_IDLE_STOP", "ERT_BOOT_DEADLINE", "ERT_MAX_LIFETIME"


def refuse_unarmed(guard: Guard, env: Mapping[str, str]) -> None:
    """Raise Failed unless the environment configures the guard exactly as the config does."""
    wanted = {IDLE: guard.idle_stop, BOOT: guard.boot_deadline, LIFETIME: guard.max_lifetime}
    for name, seconds in wanted.items():
        if env.get(name) != str(seconds) or seconds < 0:
            raise _unarmed(f"{name} would be {env.get(name)!r}, launch/guard says {seconds} s")
    if not (guard.idle_stop or guard.max_lifetime):
        raise _unarmed(f"{IDLE} and {LIFETIME} are both 0")


def refuse_without_bid(launch: Launch) -> None:
    """Raise Failed for an interruptible machine without a bid: it would be rented on demand."""
    if launch.market is Market.INTERRUPTIBLE and launch.bid is None:
        raise Failed("refusing to rent an interruptible machine without a bid", hint="set launch/bid in the config")


def _unarmed(why: str) -> Failed:
    return Failed(
        "refusing to rent a machine that might never stop by itself",
        why,
        "no machine was rented; set launch/guard in the config, such as idle_stop: 20m, and report this if it is set",
    )
