"""How long to wait before the next look: soon where something is expected, ever longer where nothing moves.

`timings/poll` is the longest pause, and a tenth of it the shortest. In between a pause is a share of what was waited
already, so that seeing something late costs a share of the time it took, whether that was seconds or minutes.
"""

from __future__ import annotations

from ert_deploy.core.model.desired import Timings
from ert_deploy.core.model.observed import Health, Instance

QUICK = 0.1  # of timings/poll: the shortest pause
SHARE = 0.05  # of the time that was waited
DEPLOY = 0.5  # of these pauses while a deploy is under way: it moves faster than a machine boots


def after(waited: float, timings: Timings, pace: float = 1.0) -> float:
    """The pause once that much was waited; a clock that was set back counts for nothing waited."""
    return pace * min(timings.poll, max(timings.poll * QUICK, waited * SHARE))


def while_booting(
    timings: Timings, instance: Instance, *, asked: float, changed: float, now: float, left: float | None
) -> float:
    """The pause while an instance boots.

    `left` is how long its download takes still, None when nobody knows. Without an address it cannot answer yet, so the
    time since it was `asked` to start counts; with one it may answer any moment, so that since it last `changed` does.
    """
    if left is not None:
        return min(timings.poll, max(timings.poll * QUICK, left / 2))
    return after(now - (asked if instance.address is None else changed), timings)


def time_left(first: tuple[float, int], health: Health, now: float) -> float | None:
    """Seconds until a download is complete at its own pace since `first` (when, and bytes); None when it has none."""
    began, bytes_then = first
    arrived, missing = health.completed - bytes_then, health.total - health.completed
    if arrived <= 0 or missing <= 0 or now <= began:
        return None
    return missing * (now - began) / arrived
