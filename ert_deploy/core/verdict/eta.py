"""Time until a backend is ready, by the model of `core/market/stages.py` and the launches of the deployment. Pure.

A start finds image and model on its disk. For a machine that is yet to be rented, its line is taken to be the slowest
that the config accepts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from ert_deploy.core.market.learned import learn
from ert_deploy.core.market.stages import Stages, expected_stages
from ert_deploy.core.model.boot.watch import LaunchStage
from ert_deploy.core.model.desired import Desired
from ert_deploy.core.model.observed import Offer
from ert_deploy.core.model.state import State

MEDIAN = 0.5
LATEST = 0.95


@dataclass(frozen=True, slots=True)
class Eta:
    """Seconds within which it is ready in 50 and in 95 of 100 cases."""

    p50: int
    p95: int


def eta(desired: Desired, state: State, *, kept: bool, stage: LaunchStage | None = None) -> Eta:
    """Return the time that is left. `kept`: a disk has image and model. `stage` is where it is; None before a start."""
    line = Offer(
        id="", machine_id="", gpu_name="", gpu_ram_mb=0.0, dph_total=0.0, reliability=1.0,
        inet_down=max(1.0, desired.criteria.min_inet_down), inet_down_cost=0.0, cuda=0.0, ports=0, duration=0.0,
        disk_gb=0.0, geolocation="",
    )  # fmt: skip
    whole = expected_stages(line, desired.launch, learn(state.launches))
    if kept:
        whole = replace(whole, rent=0.0, pull=0.0, download=0.0)
    return Eta(_left(whole.at(MEDIAN), stage), _left(whole.at(LATEST), stage))


def _left(stages: Stages, stage: LaunchStage | None) -> int:
    parts = (stages.rent, stages.pull, stages.boot, stages.download, stages.load + stages.smoke)
    return math.ceil(sum(parts[stage or 0 :]))
