"""The guard's arming: an order must carry limits after which its machine stops billing by itself.

Nothing of ours has to be alive for that. So an order whose limits differ from the config, are not positive without the
config saying 0, or switch off both ways of stopping, is never sent.
"""

from __future__ import annotations

from collections.abc import Mapping

from ert_deploy.core.model.desired import Guard
from ert_deploy.core.model.errors import Failed

IDLE, BOOT, LIFETIME = "ERT_IDLE_STOP", "ERT_BOOT_DEADLINE", "ERT_MAX_LIFETIME"


def refuse_unarmed(guard: Guard, env: Mapping[str, str]) -> None:
    """Raise Failed unless the environment arms the guard just as the config says."""
    wanted = {IDLE: guard.idle_stop, BOOT: guard.boot_deadline, LIFETIME: guard.max_lifetime}
    for name, seconds in wanted.items():
        if env.get(name) != str(seconds) or seconds < 0:
            raise _unarmed(f"{name} would be {env.get(name)!r}, launch/guard says {seconds} s")
    if not (guard.idle_stop or guard.max_lifetime):
        raise _unarmed(f"{IDLE} and {LIFETIME} are both 0")


def _unarmed(why: str) -> Failed:
    return Failed(
        "refusing to rent a machine that might never stop by itself",
        why,
        "no machine was rented; set launch/guard in the config, such as idle_stop: 20m, and report this if it is set",
    )
