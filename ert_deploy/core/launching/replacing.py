"""Replacement of a machine that boots: what a slot is worth whose machine gives way to a better one, or to the next.

A machine that turns out to be slow need not be waited for: as soon as its speed is known another one can take its
place, and so on. The expected seconds until a backend is healthy in this way (optimal stopping, as in a search at a
price for each look) are the measure of each machine, not the usual time of one more machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from ert_deploy.core.launching.outlook import Outlook

ROUNDS = 16  # of the fixed point, at most: each shortens its error by the share of machines that are given up
CLOSE = 2.0  # seconds
Points = list[tuple[float, float, float, float]]  # seconds, weight, $ of the planned hours, seconds of this machine


@dataclass(frozen=True, slots=True)
class Again:
    """What the next machine comes to: seconds until a backend, the change included, and $ of the planned hours."""

    wait: float
    running: float


@dataclass(frozen=True, slots=True)
class Result:
    """Expected seconds until the first machine is healthy, and the expected $ for the planned hours on that one."""

    wait: float
    running: float


@lru_cache(maxsize=1024)
def again(next_ones: tuple[Outlook, ...], change: float) -> Again:
    """Return what to expect of these offers, each the replacement of the one before it, and the last one of itself.

    A replacement costs `change` seconds more.
    """
    last = next_ones[-1]
    found = Again(last.mean / last.works + change, last.running)
    for _ in range(ROUNDS):
        before, found = found.wait, _slot(last, found, change)
        if before - found.wait < CLOSE:
            break
    for one in reversed(next_ones[:-1]):
        found = _slot(one, found, change)
    return found


def _slot(one: Outlook, other: Again, change: float) -> Again:
    wait = running = 0.0
    fails, later, replaced = 1.0 - one.works, other.wait, one.look + other.wait
    paid, other_paid = one.works * one.running + fails * other.running, other.running
    for weight, healthy, failed in one.rows:
        kept = healthy + fails * (failed + later)
        if kept <= replaced:
            wait += weight * kept
            running += weight * paid
        else:
            wait += weight * replaced
            running += weight * other_paid
    return Again(wait + change, running)


def kept(one: Outlook, other: Again) -> float:
    """Return how likely this machine is to be sooner than another one, by what is next seen of it."""
    replaced, fails = one.look + other.wait, 1.0 - one.works
    return sum(
        weight
        for time, weight, failed in zip(one.times, one.weights, one.fails, strict=True)
        if one.works * time + fails * (failed + other.wait) <= replaced
    )


def points(one: Outlook, other: Again) -> Points:
    """Return when a slot with this machine has a backend: it is kept while that is sooner than another one."""
    found: Points = []
    for time, weight, fails in zip(one.times, one.weights, one.fails, strict=True):
        failed, replaced = fails + other.wait, one.look + other.wait
        if one.works * time + (1.0 - one.works) * failed <= replaced:
            found += (
                (time, weight * one.works, one.running, time),
                (failed, weight * (1.0 - one.works), other.running, fails),
            )
        else:
            found.append((replaced, weight, other.running, one.look))
    return found


def _mean(found: Points) -> tuple[float, float]:
    return sum(t * w for t, w, _, _ in found), sum(w * r for _, w, r, _ in found)


def first(slots: Sequence[Points]) -> Result:
    """Return what to expect of one or two slots."""
    if len(slots) == 1:
        return Result(*_mean(slots[0]))
    wait = running = 0.0
    for a, wa, ra, _ in slots[0]:
        for b, wb, rb, _ in slots[1]:
            both = wa * wb
            if a <= b:
                wait += both * a
                running += both * ra
            else:
                wait += both * b
                running += both * rb
    return Result(wait, running)
