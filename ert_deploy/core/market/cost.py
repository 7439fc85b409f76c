"""Price model: expected price of an offer until it is ready, and for the hours after that, in money and in time.

The price in a Vast search excludes the download of image and model, the time until the model is loaded, and the risk
that the host does not work. Each of these can exceed the price per hour, so the ranking includes them.
"""

from __future__ import annotations

from dataclasses import dataclass

from ert_deploy.core.market.learned import NOTHING, Learned
from ert_deploy.core.market.odds import SURE, Odds, odds, works
from ert_deploy.core.market.stages import Stages, expected_stages
from ert_deploy.core.model.desired import Launch
from ert_deploy.core.model.observed import Offer

HOUR = 3600.0
DAYS = 30.0  # of a month, by which Vast converts the price of a disk (docs.vast.ai, pricing)


@dataclass(frozen=True, slots=True)
class Estimate:
    """$ for the planned hours by component, the chance that the host works, and the stages of one attempt in seconds.

    `running` is the price of the planned hours, `boot` that of the GPU until the backend is ready, `download` that of
    the traffic; `hourly` is the total $/h.
    """

    running: float
    boot: float
    download: float
    works: float
    hourly: float
    stages: Stages
    odds: Odds = SURE

    def expected(self) -> float:
        """Return the $ for the planned hours and everything before them."""
        return self.running + self.to_healthy()

    def until_healthy(self) -> float:
        """Return the $ for one attempt until the backend is ready."""
        return self.boot + self.download

    def failures(self) -> float:
        """Return the $ for the attempts that fail before one works; each costs at most what one that works does."""
        return self.until_healthy() * (1 / self.works - 1)

    def to_healthy(self) -> float:
        """Return the expected $ until a backend is ready, with the attempts that fail."""
        return self.until_healthy() + self.failures()

    def month(self) -> float:
        """Return the $ of a month in which a machine is rented for the planned hours once a day."""
        return DAYS * self.expected()

    def always_on(self) -> float:
        """Return the $ of a month in which the same machine runs all the time."""
        return DAYS * 24.0 * self.hourly + self.to_healthy()

    def wait(self) -> float:
        """Return the expected seconds until a backend is ready; an attempt that fails takes as long as one does."""
        return self.stages.total / self.works

    def score(self, worth: float) -> float:
        """Return the expected $ if an hour without a backend is worth this many $; the lowest is the best offer."""
        return self.expected() + worth * self.wait() / HOUR


def estimate(offer: Offer, launch: Launch, hours: float, learned: Learned = NOTHING) -> Estimate:
    """Return the expected price of `hours` of a backend on this offer, with the configured bid and the disk."""
    hourly = launch.hourly(offer)
    stages = expected_stages(offer, launch, learned)
    return Estimate(
        running=hourly * hours,
        boot=hourly * stages.billed / HOUR,
        download=(launch.image_gb + launch.model_gb) * offer.inet_down_cost,
        works=works(offer, learned),
        hourly=hourly,
        stages=stages,
        odds=odds(offer, learned),
    )
