"""Keeping machines up: an agent lets their idle time begin again as long as it lives. Their limits stay as they are.

So the off-switch of each holds: once nothing more is heard of the agent, it stops by its idle limit, and by its
lifetime and its budget in any case.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from ert_deploy.app.tending.seen import GuardSeen
from ert_deploy.core.model.errors import ErtError
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.store_ports import AwakeKeeper
from ert_deploy.wiring import Session

SHARE = 0.25  # of an idle limit after which the time begins anew, so that some requests may fail


class Awake:
    """Keeps `least` machines up. `within` are the real seconds in which the next look is due."""

    def __init__(self, least: int) -> None:
        self.least = least
        self.within = math.inf
        self._failed: dict[InstanceId, str] = {}

    def keep(self, guards: Sequence[GuardSeen], session: Session) -> Iterator[str]:
        """Let the idle time of the first ones begin again where it is due; yield each new error as a line."""
        kept = [seen for seen in guards[: self.least] if seen.limits[0]]
        self.within = min((seen.limits[0] * SHARE / session.speed for seen in kept), default=math.inf)
        for seen in kept:
            if seen.idle is None or seen.idle >= seen.limits[0] * SHARE:
                why = _touched(seen, session)
                if why and why != self._failed.get(seen.instance):
                    yield f"instance {seen.instance} is not kept up (replicas/min): {why}"
                self._failed[seen.instance] = why


def _touched(seen: GuardSeen, session: Session) -> str:
    """Send the request; return why it failed, empty if it did not."""
    keeper = session.ports.backend
    if not isinstance(keeper, AwakeKeeper):
        return "nothing here reaches its guard"
    try:
        keeper.keep_awake(seen.address, seen.certificate, seen.boot_secret, seen.limits)
    except ErtError as error:
        return error.summary
    return ""
