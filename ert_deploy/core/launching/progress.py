"""Progress of a launch: its stage, and whether it is behind the curve that is expected of its offer.

Each stage has a limit of its own, scaled by what there is to do and by how much such stages scatter. For the download
of the model the rate decides instead: what is left is compared with a launch from the start.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ert_deploy.core.market.odds import SURE, Odds
from ert_deploy.core.market.stages import Stages
from ert_deploy.core.model.boot.watch import BOOT, DOWNLOAD, LOAD, NO_LAG, PULL, READY, RENT, Lag, LaunchStage, Watch
from ert_deploy.core.model.observed import HEALTHY, LOADING, Health, Instance
from ert_deploy.core.model.quick_dataclass import changed

# Limits as standard deviations of the log-normal duration of a stage: exceeded by 16 % and by 2.3 % of such hosts.
BEHIND = 1.0
LATE = 2.0
# No limit is shorter than these shares of timings/no_progress, whatever is expected: 1 and 3 minutes of 5. A rate is
# observed for the first ("measure download speed in the first minute", klutzydrummer/vastai-llmapi-orchestrator).
LEAST_BEHIND = 0.2
LEAST_LATE = 0.6
LEAST_MEASURED = 0.1  # share of timings/no_progress from which on a race believes what it sees: half a minute of 5
# A machine is given up when another one would be ready sooner even at twice the expected time.
SOONER = 2.0
LEAST_MOVES = 3  # changes of its message from which on a pull was none of an image that is there already
NAMES = {
    RENT: "provisioning the machine",
    PULL: "pulling the image",
    BOOT: "the start of the container",
    DOWNLOAD: "downloading the model",
    LOAD: "loading and testing the model",
}
_PHASES = {"starting": BOOT, "pulling": DOWNLOAD, "loading": LOAD}


@dataclass(frozen=True, slots=True)
class Curve:
    """Expected progress of the machine with this `token`, rented at `began` by the time of the run.

    `limit` is timings/boot_limit and `patience` timings/no_progress, in seconds. Nothing is behind in a `lenient`
    stage: so many hosts were that the expectation is wrong. `odds`, `hourly` in $/h, and the $ of `boot`, `download`
    and the planned hours (`running`) are those of the offer; `model_share` is the model's part of the download, and
    `layers` are the sizes of the image's layers in the order of its manifest, empty if that was not read; `unpack` are
    the seconds of the pull that no faster link saves.
    """

    stages: Stages
    began: float
    limit: float
    patience: float
    token: str = ""
    lenient: frozenset[LaunchStage] = frozenset()
    odds: Odds = SURE
    hourly: float = 0.0
    boot: float = 0.0
    download: float = 0.0
    running: float = 0.0
    model_share: float = 1.0
    layers: tuple[int, ...] = ()
    unpack: float = 0.0

    def deadline(self, stage: LaunchStage, deviations: float) -> float:
        """Return the seconds after which a stage has taken longer than all but a share of such hosts need for it."""
        s, spread = self.stages, self.stages.spread
        expected, deviation = (
            (s.rent, spread.rent), (s.pull, spread.pull), (s.boot, spread.boot), (s.download, spread.download),
            (s.load + s.smoke, spread.load),
        )[stage]  # fmt: skip
        return expected * math.exp(deviation * deviations - deviation * deviation / 2)


def stage_of(instance: Instance, health: Health | None) -> LaunchStage:
    """Return the stage that is visible now; a backend that fails or cannot be reached is in the stage BOOT at least."""
    if health is not None and health.vital is HEALTHY:
        return READY
    if health is not None and health.vital is LOADING:
        return _PHASES.get(health.phase, BOOT)
    if instance.address is not None:
        return BOOT
    return PULL if instance.status or instance.message.text else RENT


def shown_stage(instance: Instance, health: Health | None) -> LaunchStage:
    """Return the stage as people are told it: a machine whose container has ended is started anew and pulls nothing."""
    stage = stage_of(instance, health)
    return RENT if stage is PULL and instance.ended and not instance.message.text else stage


def follow(watch: Watch, previous: Watch | None, instance: Instance, health: Health | None, curve: Curve) -> Watch:
    """Return the watch with its stage and lag. The latest stage counts; a time without observation does not."""
    now, stage = watch.seen, stage_of(instance, health)
    if previous is None or stage > previous.stage:
        arrived = health.completed if health is not None else 0
        entered = curve.began if previous is None and stage <= PULL else now
        pulled = previous.pulled if previous is not None else 0.0
        if previous is not None and previous.stage <= PULL and stage > PULL and previous.moves >= LEAST_MOVES:
            pulled = now - curve.began
        return Watch(
            watch.mark, watch.since, watch.strikes, now, stage, entered, arrived, pulled=pulled, steady=watch.steady
        )  # fmt: skip
    gap = now - previous.seen
    entered = previous.entered + (gap if gap > curve.patience / 2 else 0.0)
    moves = previous.moves + (watch.mark != previous.mark)
    reached = Watch(
        watch.mark, watch.since, watch.strikes, now, previous.stage, entered, previous.arrived, moves=moves,
        pulled=previous.pulled, steady=watch.steady,
    )  # fmt: skip
    if reached.stage is READY or reached.stage in curve.lenient:
        return reached
    lag, why = _lag(reached, health, curve)
    if lag is NO_LAG:
        return reached
    return changed(reached, lag=lag, why=why)


def _lag(watch: Watch, health: Health | None, curve: Curve) -> tuple[Lag, str]:
    stage, elapsed = watch.stage, watch.seen - watch.entered
    if elapsed < LEAST_BEHIND * curve.patience:
        return NO_LAG, ""
    if stage is DOWNLOAD and health is not None and health.total > 0:
        return _by_rate(watch, health, curve)
    if stage is BOOT and health is not None and health.vital is LOADING:
        return NO_LAG, ""  # its model server does not respond yet: left to timings/no_progress, which names it
    # Reading a model from a disk shows no progress, so that it gets all of timings/no_progress.
    least = 1.0 if stage is LOAD else LEAST_LATE
    late = max(curve.deadline(stage, LATE), least * curve.patience)
    if elapsed >= late:
        return Lag.LATE, f"{NAMES[stage]} takes {elapsed:.0f} s already, {late:.0f} s are enough on almost every host"
    behind = max(curve.deadline(stage, BEHIND), LEAST_BEHIND * curve.patience)
    if elapsed >= behind:
        return Lag.BEHIND, f"{NAMES[stage]} takes {elapsed:.0f} s already, {behind:.0f} s are usual"
    return NO_LAG, ""


def _by_rate(watch: Watch, health: Health, curve: Curve) -> tuple[Lag, str]:
    """Compare what is left of the download, by its rate since it was first seen, with a launch from the start.

    One that does not move at all is left to timings/no_progress.
    """
    elapsed, fresh = watch.seen - watch.entered, curve.stages.total
    rate = max(0, health.completed - watch.arrived) / elapsed
    if rate == 0:
        return Lag.BEHIND, f"{NAMES[DOWNLOAD]} has not moved for {elapsed:.0f} s"
    left = (health.total - health.completed) / rate
    if left <= fresh:
        return NO_LAG, ""
    more = f"{NAMES[DOWNLOAD]} at {rate / 1e6:.1f} MB/s takes {left / 60:.0f} min more"
    if left <= SOONER * fresh and watch.seen - curve.began + left > curve.limit:
        return Lag.LATE, f"{more}, which exceeds {curve.limit:.0f} s in all (timings/boot_limit)"
    lag = Lag.LATE if left > SOONER * fresh else Lag.BEHIND
    return lag, f"{more}, a launch from the start about {fresh / 60:.0f} min"
