"""How long an instance is known to have slept, by the history of its state: between a stop and the next start.

A stop that its guard made is not in the history, so that the instance may have slept for longer.
"""

from __future__ import annotations

from ert_deploy.core.model.observed import Instance
from ert_deploy.core.model.state import State
from ert_deploy.core.verdict.stopped import STARTS_AND_STOPS

STOPPED = "stopped"


def slept(instance: Instance, state: State, now: float) -> tuple[float, float | None]:
    """Return the seconds that it is known to have slept in all until `now`, and in its present sleep.

    The second is None if it does not sleep now, or if it is not known since when. Times are the provider's.
    """
    total, since = 0.0, None
    for event in state.history:
        if event.instance != instance.id or event.what not in STARTS_AND_STOPS:
            continue
        if event.what == STOPPED:
            since = event.at if since is None and event.at > 0 else since
        elif since is not None:
            total, since = total + max(0.0, event.at - since), None
    if since is None or not instance.stopped:
        return total, None
    lasting = max(0.0, now - since)
    return total + lasting, lasting
