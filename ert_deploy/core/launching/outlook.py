"""Outlook of a launch: its chance to become healthy and the time that it needs then, by what was seen of it so far.

What is expected of an offer is a prior. A stage that ends, a rate that is measured and a silence that lasts each change
it by Bayes' rule, so that no fixed multiple decides when a machine is hopeless.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from ert_deploy.core.launching.progress import LEAST_MEASURED, Curve
from ert_deploy.core.market.learned import WITHIN
from ert_deploy.core.market.rates import PULL
from ert_deploy.core.market.stages import Stages, normal_quantile
from ert_deploy.core.model.boot.watch import LaunchStage, Watch
from ert_deploy.core.model.observed import Health

POINTS = 7  # equally likely durations that stand for a distribution
SCATTER = tuple(normal_quantile((i + 0.5) / POINTS) for i in range(POINTS))
EVEN = (1.0 / POINTS,) * POINTS
STEPS = 4  # changes of its message that a pull is expected to show, until its own are seen
CACHED = 2 * PULL  # seconds: a pull that is shorter tells nothing of the link
STEADY = 0.15  # logarithmic spread of a rate that was measured for a minute or more
LAYERS = 8  # of the backend's image that a host has to fetch: each is a message of its pull
UNEVEN = 0.2  # logarithmic spread of that: layers differ in size, and two of them may come together
SILENT = 2.0  # times the usual interval between two changes: half of all machines that work are silent longer once
TINY = 1e-6  # seconds
SOON = 10.0  # seconds that are left at least: the next observations
LEAST_ALIVE = 0.02  # share: beyond the slowest hosts that are expected, the expectation is no evidence any more


@dataclass(frozen=True)
class Outlook:
    """Chance that a machine becomes healthy, the `times` in seconds until then with their weights, and $ until then.

    `running` is the $ of the planned hours after that.
    """

    works: float
    times: tuple[float, ...]
    money: float
    weights: tuple[float, ...] = EVEN
    running: float = 0.0

    @cached_property
    def mean(self) -> float:
        """Return the expected seconds of one that works."""
        return sum(time * weight for time, weight in zip(self.times, self.weights, strict=True))


def afresh(curve: Curve) -> Outlook:
    """Return the outlook of an offer that is not rented yet."""
    times = tuple(stages.total for stages in _slices(curve.stages))
    return Outlook(curve.odds.all, times, curve.boot + curve.download, running=curve.running)


def outlook(curve: Curve, watch: Watch, health: Health | None, now: float) -> Outlook:
    """Return the outlook of a machine that boots."""
    match watch.stage:
        case LaunchStage.RENT | LaunchStage.PULL:
            return _pulling(curve, watch, now)
        case LaunchStage.BOOT:
            return _starting(curve, watch, now)
        case LaunchStage.DOWNLOAD:
            return _downloading(curve, watch, health, now)
        case _:
            return _loading(curve, watch, now)


def _pulling(curve: Curve, watch: Watch, now: float) -> Outlook:
    elapsed = max(0.0, now - curve.began)
    slices = _slices(curve.stages)
    shown = _pull_shown(watch, curve)
    alive = [_longer(s.rent + s.pull, WITHIN, elapsed) * _near(s.rent + s.pull, shown, watch.moves) for s in slices]
    later = [max(s.pull, elapsed) - elapsed + s.total - s.rent - s.pull for s in slices]
    weights, _ = _normal(alive)
    starts = _posterior(curve.odds.starts, _moving(watch, curve.stages.pull / STEPS, now))
    works = starts * curve.odds.reached * curve.odds.rest
    return Outlook(works, tuple(later), curve.boot + curve.download, weights, curve.running)


def _pull_shown(watch: Watch, curve: Curve) -> float:
    """Return the seconds of the whole pull by its pace until the last change of its message; 0 without two changes."""
    done = watch.moves - 1  # the first one is that the host begins
    return max(0.0, watch.since - curve.began) * max(1.0, LAYERS / done) if done > 0 else 0.0


def _near(expected: float, shown: float, moves: int) -> float:
    """Return how well a pull that takes `expected` seconds explains one that seems to take `shown`."""
    if shown <= 0:
        return 1.0
    off = math.log(shown / expected) / (WITHIN / math.sqrt(moves - 1) + UNEVEN)
    return math.exp(-off * off / 2)


def _starting(curve: Curve, watch: Watch, now: float) -> Outlook:
    elapsed, median, spread = now - watch.entered, curve.stages.at(0.5), curve.stages.spread
    share = _longer(median.boot, spread.boot, elapsed)
    reached = _posterior(curve.odds.reached, share)
    boot = max(median.boot - elapsed, 0.0) + median.boot / 2
    times = tuple(boot + later for later in _after_boot(curve, watch))
    return Outlook(
        reached * curve.odds.rest,
        times,
        _billed(curve, times) + curve.download * curve.model_share,
        running=curve.running,
    )


def _downloading(curve: Curve, watch: Watch, health: Health | None, now: float) -> Outlook:
    elapsed, works = now - watch.entered, _posterior(curve.odds.rest, _moving(watch, curve.patience / 10, now))
    total, done = (health.total, health.completed) if health is not None and health.total > 0 else (1, 0)
    arrived = done - watch.arrived
    if arrived <= 0 or elapsed < LEAST_MEASURED * curve.patience:
        times = tuple(max(0.0, later - elapsed) for later in _after_boot(curve, watch))
    else:
        left, after = (total - done) * elapsed / arrived, curve.stages.load + curve.stages.smoke
        times = tuple(left * math.exp(STEADY * z) + after for z in SCATTER)
    money = _billed(curve, times) + curve.download * curve.model_share * (1.0 - done / total)
    return Outlook(works, times, money, running=curve.running)


def _loading(curve: Curve, watch: Watch, now: float) -> Outlook:
    elapsed, spread, median = now - watch.entered, curve.stages.spread, curve.stages.at(0.5)
    ends = [(median.load + median.smoke) * math.exp(spread.load * z) for z in SCATTER]
    weights, share = _normal([_longer(end, spread.smoke, elapsed) for end in ends])
    times = tuple(max(0.0, end - elapsed) + SOON for end in ends)
    return Outlook(_posterior(curve.odds.rest, share), times, _billed(curve, times), weights, curve.running)


def _after_boot(curve: Curve, watch: Watch) -> list[float]:
    """Return equally likely times of download and load: on its link the pull has shown the rate, unless cached."""
    median, spread = curve.stages.at(0.5), curve.stages.spread
    mean, left = 0.0, spread.download
    if watch.pulled > CACHED:
        prior, own = spread.download**2, WITHIN**2
        mean = math.log(watch.pulled / (median.rent + median.pull)) * prior / (prior + own)
        left = math.sqrt(prior * own / (prior + own))
    return [median.download * math.exp(mean + left * z) + curve.stages.load + curve.stages.smoke for z in SCATTER]


def _billed(curve: Curve, times: Iterable[float]) -> float:
    found = tuple(times)
    return curve.hourly * sum(found) / len(found) / 3600.0


def _moving(watch: Watch, usual: float, now: float) -> float:
    """Return how likely a machine that works is silent for so long, by the pace of its changes until then."""
    pace = (usual + max(0.0, watch.since - watch.entered)) / (1 + watch.moves)
    return _longer(SILENT * pace, 2 * WITHIN if watch.moves == 0 else WITHIN, now - watch.since)


def _longer(median: float, spread: float, elapsed: float) -> float:
    """Return the share of log-normal durations that are longer than `elapsed`."""
    return math.erfc(math.log(max(elapsed, TINY) / median) / spread / math.sqrt(2)) / 2


def _normal(shares: Sequence[float]) -> tuple[tuple[float, ...], float]:
    """Return the shares as weights, and their mean, which is never 0."""
    total = sum(shares)
    if total <= LEAST_ALIVE:
        return (*(0.0 for _ in shares[1:]), 1.0), LEAST_ALIVE / len(shares)
    return tuple(share / total for share in shares), total / len(shares)


def _posterior(prior: float, likelihood: float) -> float:
    """Return the chance of one that works, which looks like this so often; one that does not work always does."""
    return prior * likelihood / (prior * likelihood + 1.0 - prior)


@lru_cache(maxsize=512)
def _slices(stages: Stages) -> tuple[Stages, ...]:
    return tuple(stages.at((i + 0.5) / POINTS) for i in range(POINTS))


@dataclass(frozen=True, slots=True)
class Result:
    """Expected seconds until the first machine is healthy, and the expected $ for the planned hours on that one."""

    wait: float
    running: float


def first(outlooks: Sequence[Outlook], again: Result) -> Result:
    """Return what to expect of one or two machines; `again` is what follows if none of them becomes healthy."""
    one = outlooks[0]
    if len(outlooks) == 1:
        return Result(
            one.works * one.mean + (1.0 - one.works) * again.wait,
            one.works * one.running + (1.0 - one.works) * again.running,
        )
    two = outlooks[1]
    wait = sooner = 0.0
    for a, wa in zip(one.times, one.weights, strict=True):
        for b, wb in zip(two.times, two.weights, strict=True):
            wait += wa * wb * min(a, b)
            sooner += wa * wb * (a <= b)
    both, none = one.works * two.works, (1.0 - one.works) * (1.0 - two.works)
    alone, other = one.works * (1.0 - two.works), (1.0 - one.works) * two.works
    return Result(
        both * wait + alone * one.mean + other * two.mean + none * again.wait,
        (both * sooner + alone) * one.running + (both * (1.0 - sooner) + other) * two.running + none * again.running,
    )
