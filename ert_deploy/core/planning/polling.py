"""Polling delays: short while a change is expected, growing with the time without any change.

`timings/poll` is the maximum interval, and a tenth of it the minimum. In between, the interval is a fraction of the
elapsed time, so that the detection delay is proportional to the duration, whether seconds or minutes.
"""

from __future__ import annotations

from ert_deploy.core.model.desired import Timings
from ert_deploy.core.model.observed import Health, Instance

QUICK = 0.1  # minimum interval as a fraction of timings/poll
SHARE = 0.05  # interval as a fraction of the elapsed time
DEPLOY = 0.5  # factor during a deploy, which is faster than the boot of a machine


def after(waited: float, timings: Timings, pace: float = 1.0) -> float:
    """Return the interval after `waited` seconds; negative values, as after a clock change, count as 0."""
    return pace * min(timings.poll, max(timings.poll * QUICK, waited * SHARE))


def while_booting(
    timings: Timings, instance: Instance, *, asked: float, changed: float, now: float, left: float | None
) -> float:
    """Return the interval while an instance boots.

    `left` is the remaining download time, None if unknown. An instance without an address cannot respond yet, so the
    time since the start request (`asked`) determines the interval; with an address, the time since it last `changed`.
    """
    if left is not None:
        return min(timings.poll, max(timings.poll * QUICK, left / 2))
    return after(now - (asked if instance.address is None else changed), timings)


def time_left(first: tuple[float, int], health: Health, now: float) -> float | None:
    """Return the seconds until a download completes at its rate since `first` (time, bytes), or None if it stalls."""
    began, bytes_then = first
    arrived, missing = health.completed - bytes_then, health.total - health.completed
    if arrived <= 0 or missing <= 0 or now <= began:
        return None
    return missing * (now - began) / arrived
