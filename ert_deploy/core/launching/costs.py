"""Costs of a run: what it pays that rents these offers in their order until one of their machines is healthy.

Each of many runs draws for every machine whether it works and how fast it is, and plays the launch in short: in a race
a machine is given up where the next one is expected sooner; the first that is healthy is kept for the planned hours.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from ert_deploy.core.launching.progress import Curve
from ert_deploy.core.launching.pulling import afresh, pulls
from ert_deploy.core.launching.race import BETWEEN, CHANGE, HOUR
from ert_deploy.core.launching.replacing import Again, again
from ert_deploy.core.market.rates import PULL
from ert_deploy.core.market.stages import normal_quantile

Worth = Callable[[float], float]  # $ of an hour of the wait, after so many seconds of it
# Lattice of the draws (Korobov; P. L'Ecuyer and C. Lemieux, "Variance Reduction via Lattice Rules", Management Science
# 46, 2000). One run fewer than the prime is drawn.
PRIME = 1021
MULTIPLIER = 76
AHEAD = 12  # offers of which a run may rent
STALE = 0.1  # share of the offers of a search that are gone already (assumed)
# Seconds until an offer is taken, in the mean: machines were listed for 17 % of 6 hours (brandonros/vastai-scraper).
LISTED = 3600.0
# Without a race the cheapest come first, which others take first too (both assumed).
CHEAP_STALE = 0.2
CHEAP_LISTED = 1200.0
# Such a run then finds new offers, like the best of the first search at prices that scatter (logarithm) and are a
# little higher: $0.28 to $1.34 around a median of $0.535 in that report.
ARRIVING = 0.6
ARRIVING_DEARER = 0.1
ARRIVED = tuple(math.exp(ARRIVING_DEARER + ARRIVING * normal_quantile((i + 0.5) / 9)) for i in range(9))
MOST_BEGUN = 40  # machines of a drawn run
# Rates of one day over those of another, beyond how far hosts scatter on it: 8 to 20 MB/s in one report (kd-orch), 18.7
# GB in 635 s in another (klutzydrummer/vastai-llmapi-orchestrator): half of the logarithm of 29 / 12.6.
DAY = 0.42
DAYS = tuple(normal_quantile((i + 0.5) / 5) for i in range(5))


@dataclass(frozen=True, slots=True)
class _Case:
    """One way in which a machine turns out: healthy, or known to have failed, after `ends` seconds and $ `paid`.

    It looks like one that is healthy after `due` seconds and costs `running` $ in the planned hours. After `look`
    seconds it is judged: to replace it is expected to save `sooner` seconds and to cost `dearer` $ more.
    """

    works: bool
    ends: float
    paid: float
    due: float
    running: float
    sooner: float
    dearer: float
    look: float


@dataclass(frozen=True, slots=True)
class _Offer:
    """The cases of an offer, each with its share and that of those before it; seconds until a slot has a backend."""

    cases: tuple[tuple[float, _Case], ...]
    wait: float


def costs(offers: Sequence[Curve], worth: Worth, slots: int, *, races: bool = True) -> tuple[float, ...]:
    """Return the $ of equally likely runs with the planned hours, the cheapest first.

    `offers` are at least one, in the order in which they are rented. When all were, others like them are on offer.
    `worth` returns the $ that an hour of the wait is worth after so many seconds of it. Without `races` a machine is
    given up only once it has failed.
    """
    days = [_on(offers, math.exp(-DAY * z), worth(0.0)) for z in DAYS]
    played = (_run(days[number % len(days)], worth, slots, number, races=races) for number in range(1, PRIME))
    return tuple(sorted(played))


def within(found: Sequence[float], part: float) -> float:
    """Return the $ that this part of the runs stays within, as 0.95."""
    return found[max(0, math.ceil(part * len(found)) - 1)]


def _on(offers: Sequence[Curve], slower: float, worth: float) -> list[_Offer]:
    """Return how each offer may turn out on a day on which all links take so many times as long."""
    curves = [_slowed(one, slower) for one in offers[:AHEAD]]
    change, fresh = BETWEEN + CHANGE / worth * HOUR, [afresh(one) for one in curves]
    return [
        _Offer(
            tuple(_cases(curve, again(tuple(fresh[at + 1 : at + 4]) or tuple(fresh[:3]), change))),
            again(tuple(fresh[at : at + 3]), change).wait,
        )
        for at, curve in enumerate(curves)
    ]


def _slowed(curve: Curve, slower: float) -> Curve:
    stages = curve.stages
    pull = PULL + max(0.0, stages.pull - PULL) * slower
    return replace(curve, stages=replace(stages, pull=pull, download=stages.download * slower))


def _cases(curve: Curve, other: Again) -> Iterator[tuple[float, _Case]]:
    one, image, so_far = afresh(curve), curve.download * (1.0 - curve.model_share), 0.0
    works, fails, ended = one.works, 1.0 - one.works, image + curve.hourly * curve.stages.boot / HOUR
    for stages, weight, failed in zip(pulls(curve.stages, curve.unpack), one.weights, one.fails, strict=True):
        due, traffic = stages.total, curve.download - (image if stages.pull <= PULL else 0.0)
        whole = traffic + curve.hourly * stages.billed / HOUR
        sooner = works * due + fails * (failed + other.wait) - one.look - other.wait
        dearer = works * (other.running - one.running + one.money - whole)
        for share, found in (
            (works, _Case(True, due, whole, due, one.running, sooner, dearer, one.look)),
            (fails, _Case(False, failed, ended, due, one.running, sooner, dearer, one.look)),
        ):
            so_far += weight * share
            yield so_far, found


def _run(offers: Sequence[_Offer], worth: Worth, slots: int, number: int, *, races: bool) -> float:
    """Return the $ of one run: those of all its machines until the first is healthy, and its planned hours."""
    free, draw = [0.0] * slots, number
    begun: list[tuple[float, float, float]] = []  # of each machine: when it began, for how long at most, and $ for that
    due: list[tuple[float, float]] = []  # of each one that is kept: when it seems to be due, and when it ends
    first, running = math.inf, offers[0].cases[0][1].running
    for at in range(MOST_BEGUN):
        start, offer = min(free), offers[at % len(offers)]
        if start >= first:
            break
        ends = min((end for seems, end in due if start < end and seems < start + offer.wait), default=0.0)
        if ends:
            free[free.index(start)] = ends  # no other one is expected sooner, unless it fails
            continue
        draw = draw * MULTIPLIER % PRIME
        free_still = (1.0 - STALE) * math.exp(-start / LISTED) if races else 1.0 - CHEAP_STALE
        share = (draw + 0.5) / PRIME / free_still
        if share > 1.0:
            continue  # another customer has it
        there = 1.0 if races else math.exp(-start / CHEAP_LISTED)
        (case, price), hour = _drawn(offer, offers[0], share, there), worth(start) / HOUR
        kept = not races or hour * case.sooner <= case.dearer
        lasts = case.ends if kept else case.look
        free[free.index(start)] = start + lasts + BETWEEN
        begun.append((start, lasts, price * case.paid * min(1.0, lasts / case.ends)))
        if kept:
            due.append((start + case.due, start + case.ends))
        if kept and case.works and hour * (first - start - lasts) > price * case.running - running:
            first, running = start + lasts, price * case.running
    return running + sum(money * min(1.0, max(0.0, first - start) / lasts) for start, lasts, money in begun)


def _drawn(offer: _Offer, best: _Offer, share: float, there: float) -> tuple[_Case, float]:
    """Return how a machine turns out, and its price over the offer's. `there` is the chance that the offer is.

    In its place a new offer has come, like the best of the first search.
    """
    price = 1.0
    if share <= there:
        share /= there
    else:
        at, share = divmod(len(ARRIVED) * (share - there) / (1.0 - there), 1.0)
        offer, price = best, ARRIVED[min(int(at), len(ARRIVED) - 1)]
    return next((case for so_far, case in offer.cases if share <= so_far), offer.cases[-1][1]), price
