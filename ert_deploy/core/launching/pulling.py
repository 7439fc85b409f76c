"""Pull of the image: what the layers that came, and a silence since then, say of a machine's link and of its fate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

from ert_deploy.core.launching.outlook import POINTS, SCATTER, SOON, TINY, Outlook, longer
from ert_deploy.core.launching.progress import Curve
from ert_deploy.core.market.learned import WITHIN
from ert_deploy.core.market.rates import PULL
from ert_deploy.core.market.stages import Stages
from ert_deploy.core.model.boot.watch import LaunchStage, Watch
from ert_deploy.core.model.quick_dataclass import changed

# Layers of an image whose manifest was not read, each with a message of its pull: the 4 of python:slim and the 8 of
# images/llm-backend/Dockerfile.
LAYERS = 12
LEAST_SHARE = 1e-3  # of an image, for each layer: some are almost empty
UNEVEN = 0.15  # logarithmic spread of the time of a layer beyond that of the link: two of them may come together
# Hosts that have the image already ("30 s for a cached image", docs.vast.ai, quickstart): how many is assumed.
THERE = 0.1
FEW = 3  # equally likely durations of those
PRIOR = ((1.0 - THERE) / POINTS,) * POINTS + (THERE / FEW,) * FEW
SHOWN_CACHED = 1e-4  # share of those that show a layer nevertheless
ODD = 2e-3  # share of pulls that are beyond every speed that is expected
HANGS = 0.5  # share of the machines that do not start of which nothing tells that: even odds, as no source has them
LATER = 5.0  # seconds until a change is seen: half of the time between two observations
LOOK = 1.5  # times the first layer of a usual pull, until a slow one is known by its silence
HANGING = 3.0  # times the usual pull: one without any layer is not expected to take longer


@lru_cache(maxsize=512)
def afresh(curve: Curve) -> Outlook:
    """Return the outlook of an offer that is not rented yet."""
    slices = pulls(curve.stages, curve.unpack)
    times, fails = tuple(s.total for s in slices), tuple(s.rent + s.pull + s.boot for s in slices)
    return Outlook(curve.odds.all, times, curve.boot + curve.download, PRIOR, curve.running, fails, first_look(curve))


def first_look(curve: Curve) -> float:
    """Return the seconds after which the first layer of a usual pull has come, as seen by the next observation."""
    usual = curve.stages.at(0.5)
    return usual.rent + LOOK * usual.pull * pulled_share(curve.layers, 1) + 2 * SOON


def pulling(curve: Curve, watch: Watch, now: float) -> Outlook:
    """Return the outlook of a machine that pulls the image."""
    elapsed, slices = max(0.0, now - curve.began), pulls(curve.stages, curve.unpack)
    done = max(0, watch.moves - 1)  # the first change is that the host begins
    next_one = pulled_share(curve.layers, done + 1)
    starts, weights = _weighed(curve, watch, now, done)
    spent = elapsed - curve.stages.rent - LATER - (2 * PULL if next_one >= 1.0 else 0.0)
    least = spent / next_one  # of a pull whose next layer has not come
    slower = (*(max(1.0, least / (s.pull - PULL)) for s in slices[:POINTS]), *(1.0 for _ in range(FEW)))
    ends = (s.rent + PULL + (s.pull - PULL) * by for s, by in zip(slices, slower, strict=True))
    left = [max(end, elapsed + SOON) - elapsed for end in ends]
    times = tuple(
        pull + s.boot + s.download * by + s.load + s.smoke for pull, s, by in zip(left, slices, slower, strict=True)
    )
    fails = tuple(pull + s.boot for pull, s in zip(left, slices, strict=True))
    works = starts * curve.odds.reached * curve.odds.rest
    look = 2 * SOON if done else max(2 * SOON, first_look(curve) - elapsed)
    return Outlook(works, times, curve.boot + curve.download, tuple(weights), curve.running, fails, look)


def _weighed(curve: Curve, watch: Watch, now: float, done: int) -> tuple[float, Sequence[float]]:
    """Return the chance that it starts, and the weight of each speed, by Bayes' rule.

    A machine that does not start hangs in any part of the pull alike, or ends visibly, and until then it looks like one
    that does.
    """
    came, next_one = pulled_share(curve.layers, done), pulled_share(curve.layers, done + 1)
    before, silent, slices = watch.since - curve.began, now - watch.since, pulls(curve.stages, curve.unpack)
    fresh = [s.pull - PULL for s in slices[:POINTS]]
    seen = [PRIOR[0] * _near(curve.stages.rent + pull * came + LATER, before, done) for pull in fresh]
    gaps = [pull * (next_one - came) + LATER + (PULL if next_one >= 1.0 else 0.0) for pull in fresh]
    seen += [prior * (1.0 if done == 0 else SHOWN_CACHED) for prior in PRIOR[POINTS:]]
    gaps += [s.pull + s.boot for s in slices[POINTS:]]
    alive = [near * longer(gap, WITHIN, silent) for near, gap in zip(seen, gaps, strict=True)]
    moving, starts = max(sum(alive), TINY * TINY), curve.odds.starts
    hangs = (next_one - came) * max(sum(seen), TINY) + (1.0 - next_one) * moving
    broken = HANGS * hangs + (1.0 - HANGS) * moving
    weights = [one / moving for one in alive] if moving > TINY else PRIOR
    return starts * moving / (starts * moving + (1.0 - starts) * broken), weights


def pace(curve: Curve, watch: Watch, now: float) -> float:
    """Return the seconds of the whole pull by its pace; of one without a layer yet that it cannot be faster than; or 0.

    A pull that is long enough without a layer may hang, so that this bound ends at `HANGING` times what is usual.
    """
    if watch.stage > LaunchStage.PULL:
        return max(0.0, watch.pulled - curve.stages.rent)
    done, usual = watch.moves - 1, curve.stages.at(0.5)
    if done > 0:
        return PULL + max(SOON, watch.since - curve.began - usual.rent - LATER) / pulled_share(curve.layers, done)
    bound = PULL + (now - curve.began - usual.rent - LATER) / pulled_share(curve.layers, 1)
    return min(bound, HANGING * usual.pull) if bound > usual.pull else 0.0


@lru_cache(maxsize=4096)
def pulled_share(layers: tuple[int, ...], done: int) -> float:
    """Return which share of an image its first `done` layers are; of unknown sizes, or more of them, at most 1."""
    total = sum(layers)
    share = sum(layers[:done]) / total if total > 0 and min(layers) >= 0 else done / LAYERS
    return min(1.0, max(share, LEAST_SHARE * done))


def _near(expected: float, shown: float, done: int) -> float:
    """Return how well a machine whose layers are expected after so many seconds explains that they came then."""
    if done == 0:
        return 1.0
    off = math.log(max(shown, TINY) / expected) / math.hypot(WITHIN / (1 + done), UNEVEN)
    return max(ODD, math.exp(-off * off / 2))


@lru_cache(maxsize=512)
def pulls(stages: Stages, unpack: float) -> tuple[Stages, ...]:
    """Return equally likely rentals whose image is pulled, and some on whose host it is already."""
    usual, fixed = stages.at(0.5).pull, PULL + unpack
    link = max(usual - PULL, SOON)
    pulled = tuple(
        changed(stages.at((i + 0.5) / POINTS), pull=fixed + link * math.exp(stages.spread.pull * SCATTER[i]))
        for i in range(POINTS)
    )
    return (*pulled, *(changed(stages.at((i + 0.5) / FEW), pull=PULL) for i in range(FEW)))
