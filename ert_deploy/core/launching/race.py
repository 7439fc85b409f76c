"""Race of the machines that boot: which one is given up, and whether another one is worth its price.

Each choice has one figure: the $ that it is still expected to cost, and the expected wait at what an hour of it is
worth. A machine is replaced or joined by another one if that lowers the figure by more than a margin.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ert_deploy.core.launching.evidence import outlook
from ert_deploy.core.launching.outlook import Outlook
from ert_deploy.core.launching.progress import LEAST_MEASURED, Curve
from ert_deploy.core.launching.pulling import afresh, first_look
from ert_deploy.core.launching.replacing import Again, Points, again, first, kept, points
from ert_deploy.core.model.boot.watch import Lag, LaunchStage, Watch
from ert_deploy.core.model.observed import Health
from ert_deploy.core.model.provider import InstanceId

HOUR = 3600.0
BETWEEN = 10.0  # seconds from the end of one machine to the create of the next
HOPELESS = 0.5  # of the chance of another one: then it has failed, and its machine is denied
MARGIN = 0.01  # share of the wait by which a change has to lower it, so that noise changes nothing
LAYERS_SEEN = 2  # changes of a pull that tell too little of it, unless the next one does not come
LEAST_KEPT = 0.05  # share of being kept below which no margin counts: to wait for what is next seen changes nothing
CHANGE = 0.005  # $ of a change: the disk and the part of the image that are paid for nothing


@dataclass(frozen=True, slots=True)
class Runner:
    """One machine that boots, with all that was seen of it."""

    id: InstanceId
    curve: Curve
    watch: Watch
    health: Health | None


@dataclass(frozen=True, slots=True)
class Slot:
    """One machine, what is expected of it, and when its slot has a backend with all that may replace it.

    `kept` is the chance that what is soon seen of the machine is no reason to replace it.
    """

    outlook: Outlook
    points: Points
    kept: float

    def used(self, wait: float) -> float:
        """Return which share of the machine's price is paid until a backend is there or it is given up."""
        mean = max(1.0, self.outlook.mean)
        return sum(weight * min(1.0, min(own, wait) / mean) for _, weight, _, own in self.points)


def figure(slots: Sequence[Slot], worth: float) -> tuple[float, float]:
    """Return the $ until the first of them is healthy and of the hours after it, the wait at `worth` $/h; the wait."""
    found = first([slot.points for slot in slots])
    money = sum(slot.outlook.money * slot.used(found.wait) for slot in slots)
    return money + found.running + worth * found.wait / HOUR, found.wait


def score(fresh: Curve, worth: float) -> float:
    """Return the $ of one offer and of what replaces it, the wait at `worth` $/h: the lowest is rented next."""
    one = afresh(fresh)
    return one.money + one.running + worth * again((one,), BETWEEN + CHANGE / worth * HOUR).wait / HOUR


def race(
    runners: Sequence[Runner], fresh: Sequence[Curve], now: float, *, worth: float, slots: int
) -> Mapping[InstanceId, Watch]:
    """Return the watch of each machine that is given up, or that one of `fresh`, the next offers, is to join."""
    if not runners or len(runners) > slots or not fresh:
        return {}
    others, change = tuple(afresh(one) for one in fresh), BETWEEN + CHANGE / worth * HOUR
    new, other = others[0], again(others, change)
    later = again(others[1:] or others, change)
    joined = Slot(new, points(new, later), 1.0)
    seen = [_slot(outlook(one.curve, one.watch, one.health, now), other) for one in runners]
    today, wait = figure(seen, worth)
    limit = today - MARGIN * worth * wait / HOUR
    choices = []
    for at, one in enumerate(runners):
        if _settled(one, now):
            left = [*seen[:at], *seen[at + 1 :]]
            choices.append((figure([*left, joined], worth)[0] + CHANGE, at))
            if left:
                choices.append((figure(left, worth)[0], at))
    best, at = min(choices, default=(limit, 0))
    if best < limit or (choices and seen[at].kept < LEAST_KEPT):
        return {runners[at].id: _given_up(runners[at], seen[at].outlook, new)}
    if len(runners) < slots:
        paid, sooner = figure([*seen, joined], worth)
        if paid + CHANGE < limit:
            one, why = runners[0], f"a second machine is expected to save {(wait - sooner) / 60.0:.0f} min"
            return {one.id: replace(one.watch, lag=Lag.BEHIND, why=why)}
    return {}


def _slot(found: Outlook, other: Again) -> Slot:
    return Slot(found, points(found, other), kept(found, other))


def _settled(runner: Runner, now: float) -> bool:
    """Whether enough was seen of it in this stage to give it up: of a pull some layers, or that none comes."""
    watch, curve = runner.watch, runner.curve
    if watch.stage <= LaunchStage.PULL and watch.moves <= LAYERS_SEEN:
        return now - curve.began >= first_look(curve)
    return now - watch.entered >= LEAST_MEASURED * curve.patience


def _given_up(runner: Runner, seen: Outlook, new: Outlook) -> Watch:
    why = (
        f"it is expected to take {seen.mean / 60:.0f} min more and to work in {seen.works:.0%} of all cases, "
        f"another one {new.mean / 60:.0f} min in {new.works:.0%}"
    )
    lag = Lag.LATE if seen.works < HOPELESS * new.works else Lag.OVERTAKEN
    return replace(runner.watch, lag=lag, why=why)
