"""Idle limit of a guard by a policy: a plain number, never above the limit that holds without an agent. Pure.

What happened before is what an agent saw itself: a request that finds the machine running leaves no event. One that has
just begun goes by break-even, as a learned policy does without a past.
"""

from __future__ import annotations

import math
from enum import StrEnum

from ert_deploy.core.idle.hours import Window
from ert_deploy.core.idle.policy import BreakEven, Learned, Past, Policy, Schedule, decide
from ert_deploy.core.idle.prices import MINUTE, Prices

NEWS = 60.0  # seconds by which work has to be later to close an idle time: a look is not exact
DIFFERENT = 0.1  # of a limit: a guard keeps what is nearer than that


class Choice(StrEnum):
    """What sets the idle limit of a machine: the config, or an agent by what a wait costs and what it has seen."""

    FIXED = "fixed"
    BREAK_EVEN = "break-even"
    LEARNED = "learned"
    WINDOWS = "windows"


def policy_of(choice: Choice, windows: tuple[Window, ...] = ()) -> Policy | None:
    """Return the policy of an agent; None where it is fixed. `windows` are those of a schedule."""
    match choice:
        case Choice.BREAK_EVEN:
            return BreakEven()
        case Choice.LEARNED:
            return Learned()
        case Choice.WINDOWS:
            return Schedule(windows)
        case _:
            return None


def idle_limit(policy: Policy, prices: Prices, past: Past, now: float, most: int) -> int:
    """Return the seconds without use after which the guard is to stop the machine, in whole minutes.

    It is at least a minute and at most `most`, the limit without an agent; 0 is none, and in the result never.
    """
    stop = decide(policy, prices, past, now).idle_stop
    if not stop < math.inf:
        return most
    seconds = max(1, round(stop / MINUTE)) * int(MINUTE)
    return min(seconds, most) if most else seconds


def least_of(*limits: int | None) -> int:
    """Return the lowest of the limits that are known and not 0, which is none; 0 if there is none."""
    return min((limit for limit in limits if limit), default=0)


def differs(now: int, wanted: int) -> bool:
    """Whether a guard should get a limit in place of what it has."""
    if not now or not wanted:
        return now != wanted
    return abs(wanted - now) > DIFFERENT * now
