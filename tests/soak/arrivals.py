"""Arrivals of reports in a virtual week: a seeded pattern with nights, in which nobody asks for one."""

from __future__ import annotations

from random import Random

HOUR, DAY = 3600.0, 86400.0
OPENS, CLOSES = 8.0, 18.0  # hours of the day
GAP = 3.0  # hours between two reports on average; the GPU stops in the longer gaps
WEEKEND = (5, 6)  # the sixth and the seventh one of a week: one report each


def arrivals(days: int, seed: int) -> list[float]:
    """Return the seconds after the beginning at which a report is asked for, in order; at least one each day."""
    drawn, found = Random(seed), []
    for day in range(days):
        at = OPENS + drawn.random()
        while at < CLOSES:
            found.append(day * DAY + at * HOUR)
            if day % 7 in WEEKEND:
                break
            at += drawn.expovariate(1.0 / GAP)
    return found
