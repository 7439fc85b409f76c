"""How long an instance has slept and what it has cost, by the history of its state and the last line of its guard.

A stop that its guard made is not in the history: without the guard's line the instance may have slept for longer.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from ert_deploy.core.model.log.happened import Happened
from ert_deploy.core.model.observed import Instance
from ert_deploy.core.model.state import State
from ert_deploy.core.verdict.stopped import STARTS_AND_STOPS

RENTED, STOPPED, STRANDED = "rented", "stopped", "stranded"
HOUR = 3600.0


class Known(StrEnum):
    """How well a sleep is known. About: by the guard's clock, which began while the container was starting."""

    EXACTLY = ""
    ABOUT = "about"
    AT_MOST = "at most"


@dataclass(frozen=True, slots=True)
class Slept:
    """Seconds in all, and in the present sleep: None if it does not sleep, or if it is not known since when."""

    total: float
    lasting: float | None
    known: Known


def slept(instance: Instance, state: State, now: float, ran: float | None = None) -> Slept:
    """Return how long it is known to have slept until `now`. Times are the provider's.

    `ran` is how long it had run since its last start when its guard stopped it, if its guard said so.
    """
    total = 0.0
    since: float | None = None
    awake: float | None = None
    before = total, since
    whole = any(event.instance == instance.id and event.what == RENTED for event in state.history)
    known = Known.EXACTLY if whole else Known.AT_MOST  # the history has a bounded length
    for event in _of(instance, state):
        if event.what == STOPPED:
            since = event.at if since is None and event.at > 0 else since
            known = known if event.at > 0 else Known.AT_MOST
            awake = None
        elif event.what == STRANDED:  # the start before it was refused
            total, since = before
            awake = None
        else:
            before = total, since
            if awake is not None and event.what == "started":
                known = Known.AT_MOST  # its guard had stopped it in between
            awake = event.at if event.at > 0 else None
            if since is not None:
                total, since = total + max(0.0, event.at - since), None
    if not instance.stopped:
        return Slept(total, None, known)
    if since is None and awake is not None and ran is not None:
        since, known = min(now, awake + ran), known or Known.ABOUT
    if since is None:
        return Slept(total, None, Known.AT_MOST)
    lasting = max(0.0, now - since)
    return Slept(total + lasting, lasting, known)


def cost(instance: Instance, asleep: float, now: float) -> float | None:
    """Return the $ since it was rented, without traffic, with so many seconds of sleep; None without a price or start.

    Without a price of its disk it is as if it had never slept.
    """
    if not instance.started or not math.isfinite(instance.dph):
        return None
    age = max(0.0, now - instance.started)
    less = min(asleep, age) if math.isfinite(instance.disk_dph) else 0.0
    return round((instance.dph * (age - less) + (instance.disk_dph * less if less else 0.0)) / HOUR, 4)


def _of(instance: Instance, state: State) -> Iterator[Happened]:
    for event in state.history:
        if event.instance == instance.id and event.what in (*STARTS_AND_STOPS, STRANDED):
            yield event
