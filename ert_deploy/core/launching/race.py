"""Race of the machines that boot: which one is given up, and whether another one is worth its price.

Each choice has one figure: the $ that it is still expected to cost, and the expected wait at what an hour of it is
worth. A machine is replaced or joined by another one if that lowers the figure by more than a margin.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ert_deploy.core.launching.outlook import Outlook, Result, afresh, first, outlook
from ert_deploy.core.launching.progress import LEAST_MEASURED, Curve
from ert_deploy.core.model.boot.watch import Lag, Watch
from ert_deploy.core.model.observed import Health
from ert_deploy.core.model.provider import InstanceId

HOUR = 3600.0
HOPELESS = 0.5  # of the chance of another one: then it has failed, and its machine is denied
MARGIN = 0.03  # share of the wait by which a change has to lower it, so that noise changes nothing
CHANGE = 0.005  # $ of a change: the disk and the part of the image that are paid for nothing


@dataclass(frozen=True, slots=True)
class Runner:
    """One machine that boots, with all that was seen of it."""

    id: InstanceId
    curve: Curve
    watch: Watch
    health: Health | None


def figure(outlooks: Sequence[Outlook], again: Result, worth: float) -> float:
    """Return the $ of these machines until the first is healthy and of the hours after it, the wait at `worth` $/h."""
    found = first(outlooks, again)
    money = sum(one.money * min(1.0, found.wait / max(1.0, one.mean)) for one in outlooks)
    return money + found.running + worth * found.wait / HOUR


def race(
    runners: Sequence[Runner], fresh: Curve | None, now: float, *, worth: float, slots: int
) -> Mapping[InstanceId, Watch]:
    """Return the watch of each machine that is given up, or that another one is to join."""
    if not runners or len(runners) > slots or fresh is None:
        return {}
    seen = [outlook(one.curve, one.watch, one.health, now) for one in runners]
    new = afresh(fresh)
    again = Result(fresh.patience + new.mean / new.works, fresh.running)
    today = figure(seen, again, worth)
    limit = today - MARGIN * worth * first(seen, again).wait / HOUR - CHANGE
    choices = []
    for at, one in enumerate(runners):
        if _settled(one, now):
            others = [*seen[:at], *seen[at + 1 :]]
            choices.append((figure([*others, new], again, worth), at))
            if others:
                choices.append((figure(others, again, worth), at))
    best, at = min(choices, default=(limit, 0))
    if best < limit:
        return {runners[at].id: _given_up(runners[at], seen[at], new)}
    if len(runners) < slots and figure([*seen, new], again, worth) < limit:
        one = runners[0]
        saved = (first(seen, again).wait - first([*seen, new], again).wait) / 60.0
        why = f"a second machine is expected to save {saved:.0f} min"
        return {one.id: replace(one.watch, lag=Lag.BEHIND, why=why)}
    return {}


def _settled(runner: Runner, now: float) -> bool:
    """Whether enough was seen of it in this stage to give it up."""
    return now - runner.watch.entered >= LEAST_MEASURED * runner.curve.patience


def _given_up(runner: Runner, seen: Outlook, new: Outlook) -> Watch:
    why = (
        f"it is expected to take {seen.mean / 60:.0f} min more and to work in {seen.works:.0%} of all cases, "
        f"another one {new.mean / 60:.0f} min in {new.works:.0%}"
    )
    lag = Lag.LATE if seen.works < HOPELESS * new.works else Lag.OVERTAKEN
    return replace(runner.watch, lag=lag, why=why)
