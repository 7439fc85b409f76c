"""Time model: how long an offer is expected to take until the backend is ready, stage by stage, in provider seconds.

Each duration is log-normal: its expected value is a field of `Stages`, its spread the logarithmic standard deviation.
The constants are public figures; what this deployment measured on its own launches replaces them (`Learned`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache, lru_cache

from ert_deploy.core.market.learned import NOTHING, Learned
from ert_deploy.core.market.rates import BOOT, MBIT_PER_GB, usual_pull, usual_rate
from ert_deploy.core.model.desired import Launch
from ert_deploy.core.model.observed import Offer
from ert_deploy.core.model.quick_dataclass import quick_dataclass

# A create call took 1.6 s and a search 1.3 s (measured once, 2026-01-02), a create 5 to 10 s
# (lifehaverdev/stationthisdeluxebot: vastai/notes/research.md).
RENT = 6.0
# 18.7 GB were loaded and tested on an RTX 3090 in 71 s (klutzydrummer/vastai-llmapi-orchestrator: README.md): 3 s for
# each GB, and the rest for the test.
LOAD_PER_GB = 3.0
SMOKE = 15.0
EXTREME = 40.0  # standard deviations, beyond which no probability differs from 0 or 1


@dataclass(frozen=True, slots=True)
class Spread:
    """Logarithmic standard deviation of each stage."""

    rent: float = 0.5  # 1.6 to 10 s are the 5th and the 95th percentile, approximately
    pull: float = 0.84  # the link of the host, as below
    boot: float = 0.42  # 95 %: twice the usual time, 30 + 60 s of the report
    download: float = 0.84  # 5 and 80 MB/s as the 5th and the 95th percentile: ln(16) / 2 / 1.645
    load: float = 0.7  # disks of 1 GB/s, three times as fast, as the 5th percentile
    smoke: float = 0.31  # the smoke test accepts 60 % of the usual speed: 95 % within it


ORDINARY = Spread()


@quick_dataclass
class Stages:
    """Expected seconds of each stage of a rental; `spread` is how far they scatter.

    rent: from the search to the answer to the create call. pull: until the image is on the host. boot: until the port
    of the container is reached. download: of the model. load: into the GPU. smoke: the test request.
    """

    rent: float
    pull: float
    boot: float
    download: float
    load: float
    smoke: float
    spread: Spread = ORDINARY

    @property
    def total(self) -> float:
        """Return the seconds from the search until the backend is ready."""
        return self.rent + self.pull + self.boot + self.download + self.load + self.smoke

    @property
    def billed(self) -> float:
        """Return the seconds billed at the price of the GPU: Vast bills it from `running` (docs.vast.ai, pricing)."""
        return self.boot + self.download + self.load + self.smoke

    def at(self, quantile: float) -> Stages:
        """Return the seconds within which each stage ends with this probability; ValueError outside of 0 to 1.

        `total` is then that of a rental whose stages are all that slow: stages share the host, its link and its disk.
        """
        rent, pull, boot, download, load, smoke = _factors(self.spread, quantile)
        return Stages(
            self.rent * rent,
            self.pull * pull,
            self.boot * boot,
            self.download * download,
            self.load * load,
            self.smoke * smoke,
            self.spread,
        )


def expected_stages(offer: Offer, launch: Launch, learned: Learned | None = None) -> Stages:
    """Return the expected time of each stage of a rental of this offer."""
    known = learned or NOTHING
    share, network = known.delivery(offer, ORDINARY.download)
    pace, start = known.start(offer, ORDINARY.boot)
    rate = usual_rate(offer.inet_down) * share
    spread = ORDINARY if (network, start) == _AS_USUAL else Spread(pull=network, boot=start, download=network)
    return Stages(
        rent=RENT * _mean(spread.rent),
        pull=usual_pull(launch.image_gb, rate) * pace * _mean(network),
        boot=BOOT * pace * _mean(start),
        download=launch.model_gb * MBIT_PER_GB / rate * _mean(network),
        load=launch.model_gb * LOAD_PER_GB * _mean(spread.load),
        smoke=SMOKE * _mean(spread.smoke),
        spread=spread,
    )


_AS_USUAL = (ORDINARY.download, ORDINARY.boot)


@cache
def normal_quantile(quantile: float) -> float:
    """Return the quantile of the standard normal distribution; ValueError outside of 0 to 1."""
    if not 0 < quantile < 1:
        raise ValueError(f"{quantile!r} is not between 0 and 1")
    low, high = -EXTREME, EXTREME
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if math.erfc(-middle / math.sqrt(2)) / 2 < quantile else (low, middle)
    return (low + high) / 2


@lru_cache(maxsize=1024)
def _factors(spread: Spread, quantile: float) -> tuple[float, float, float, float, float, float]:
    """Return a quantile of each log-normal duration over its expected value."""
    z = normal_quantile(quantile)
    rent, pull, boot, download, load, smoke = (
        math.exp(one * z - one * one / 2)
        for one in (spread.rent, spread.pull, spread.boot, spread.download, spread.load, spread.smoke)
    )
    return rent, pull, boot, download, load, smoke


@cache
def _mean(spread: float) -> float:
    """Return the expected value of a log-normal duration over its median."""
    return math.exp(spread * spread / 2)
