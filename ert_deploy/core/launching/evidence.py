"""Evidence of a machine that boots: what each stage that was seen of it says of its chance and of the time to come.

What is expected of an offer is a prior. A stage that ends, a rate that is measured and a silence that lasts each change
it by Bayes' rule, so that no fixed multiple decides when a machine is hopeless.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from ert_deploy.core.launching.outlook import EVEN, POINTS, SCATTER, SOON, Outlook, longer, posterior, weighed
from ert_deploy.core.launching.progress import LEAST_MEASURED, Curve
from ert_deploy.core.launching.pulling import pulling
from ert_deploy.core.market.learned import WITHIN
from ert_deploy.core.market.rates import PULL
from ert_deploy.core.model.boot.watch import LaunchStage, Watch
from ert_deploy.core.model.observed import Health

STEADY = 0.15  # logarithmic spread of a rate that was measured for a minute or more
SILENT = 2.0  # times the usual interval between two changes: half of all machines that work are silent longer once


def outlook(curve: Curve, watch: Watch, health: Health | None, now: float) -> Outlook:
    """Return the outlook of a machine that boots."""
    match watch.stage:
        case LaunchStage.RENT | LaunchStage.PULL:
            return pulling(curve, watch, now)
        case LaunchStage.BOOT:
            return _starting(curve, watch, now)
        case LaunchStage.DOWNLOAD:
            return _downloading(curve, watch, health, now)
        case _:
            return _loading(curve, watch, now)


def _starting(curve: Curve, watch: Watch, now: float) -> Outlook:
    elapsed, median, spread = now - watch.entered, curve.stages.at(0.5), curve.stages.spread
    share = longer(median.boot, spread.boot, elapsed)
    reached = posterior(curve.odds.reached, share)
    boot = max(median.boot - elapsed, SOON)
    times = tuple(boot + later for later in _after_boot(curve, watch))
    money = _billed(curve, times) + curve.download * curve.model_share
    fails, look = (max(2 * SOON, 2 * median.boot - elapsed),) * POINTS, boot + LEAST_MEASURED * curve.patience
    return Outlook(reached * curve.odds.rest, times, money, EVEN, curve.running, fails, look)


def _downloading(curve: Curve, watch: Watch, health: Health | None, now: float) -> Outlook:
    elapsed, works = now - watch.entered, posterior(curve.odds.rest, _moving(watch, curve.patience / 10, now))
    total, done = (health.total, health.completed) if health is not None and health.total > 0 else (1, 0)
    arrived = done - watch.arrived
    if arrived <= 0 or elapsed < LEAST_MEASURED * curve.patience:
        times = tuple(max(0.0, later - elapsed) for later in _after_boot(curve, watch))
    else:
        left, after = (total - done) * elapsed / arrived, curve.stages.load + curve.stages.smoke
        times = tuple(left * math.exp(STEADY * z) + after for z in SCATTER)
    money = _billed(curve, times) + curve.download * curve.model_share * (1.0 - done / total)
    fails = tuple(time / 2 + LEAST_MEASURED * curve.patience for time in times)
    look = max(SOON, LEAST_MEASURED * curve.patience - elapsed)
    return Outlook(works, times, money, EVEN, curve.running, fails, look)


def _loading(curve: Curve, watch: Watch, now: float) -> Outlook:
    elapsed, spread, median = now - watch.entered, curve.stages.spread, curve.stages.at(0.5)
    ends = [(median.load + median.smoke) * math.exp(spread.load * z) for z in SCATTER]
    weights, share = weighed([longer(end, spread.smoke, elapsed) for end in ends])
    times = tuple(max(0.0, end - elapsed) + SOON for end in ends)
    works, usual = posterior(curve.odds.rest, share), median.load + median.smoke
    fails = (max(2 * SOON, 3 * usual - elapsed),) * POINTS
    return Outlook(works, times, _billed(curve, times), weights, curve.running, fails, usual)


def _after_boot(curve: Curve, watch: Watch) -> list[float]:
    """Return equally likely times of download and load: on its link the pull has shown the rate, unless cached."""
    median, spread = curve.stages.at(0.5), curve.stages.spread
    mean, left = 0.0, spread.download
    if watch.pulled > 0:
        prior, own = spread.download**2, WITHIN**2
        fixed = median.rent + PULL + curve.unpack
        link, usual = max(watch.pulled - fixed, SOON), max(median.pull - PULL, SOON)
        mean = math.log(link / usual) * prior / (prior + own)
        left = math.sqrt(prior * own / (prior + own))
    return [median.download * math.exp(mean + left * z) + curve.stages.load + curve.stages.smoke for z in SCATTER]


def _billed(curve: Curve, times: Iterable[float]) -> float:
    found = tuple(times)
    return curve.hourly * sum(found) / len(found) / 3600.0


def _moving(watch: Watch, usual: float, now: float) -> float:
    """Return how likely a machine that works is silent for so long, by the pace of its changes until then."""
    pace = (usual + max(0.0, watch.since - watch.entered)) / (1 + watch.moves)
    return longer(SILENT * pace, 2 * WITHIN if watch.moves == 0 else WITHIN, now - watch.since)
