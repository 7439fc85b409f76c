"""Price model: expected price of an offer until it is ready, and for the hours after that, in money and in time.

The price in a Vast search excludes the download of image and model, the time until the model is loaded, and the risk
that the host does not work. Each of these can exceed the price per hour, so the ranking includes them.
"""

from __future__ import annotations

from itertools import accumulate

from ert_deploy.core.market.learned import NOTHING, Learned
from ert_deploy.core.market.odds import SURE, Odds, odds, works
from ert_deploy.core.market.stages import Stages, expected_stages
from ert_deploy.core.model.desired import Launch
from ert_deploy.core.model.observed import Offer
from ert_deploy.core.model.quick_dataclass import quick_dataclass

HOUR = 3600.0
SLICES, MOST_FAILED = 200, 6  # of a distribution, and attempts beyond which no more is added
DAYS = 30.0  # of a month, by which Vast converts the price of a disk (docs.vast.ai, pricing)


@quick_dataclass
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

    def within(self, part: float) -> float:
        """Return the $ for the planned hours and all before them that this part of the runs stays within, as 0.95.

        Stages of one attempt are all slow or all quick, as they share a host; each attempt that fails costs as much as
        one that works. ValueError outside of 0 to 1.
        """
        if not 0 < part < 1:
            raise ValueError(f"{part!r} is not between 0 and 1")
        grid = [(index + 0.5) / SLICES for index in range(SLICES)]
        works = [self.hourly * self.stages.at(q).billed / HOUR + self.download for q in grid]
        outcomes = sorted(
            (self.running + failed * self.until_healthy() + once, self.works * (1 - self.works) ** failed)
            for failed in range(MOST_FAILED)
            for once in works
        )
        reached = accumulate(chance for _, chance in outcomes)
        wanted = part * sum(chance for _, chance in outcomes)
        return next(price for (price, _), so_far in zip(outcomes, reached, strict=True) if so_far >= wanted)

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
    stages, chance = expected_stages(offer, launch, learned), works(offer, learned)
    return Estimate(
        running=hourly * hours,
        boot=hourly * stages.billed / HOUR,
        download=(launch.image_gb + launch.model_gb) * offer.inet_down_cost,
        works=chance,
        hourly=hourly,
        stages=stages,
        odds=odds(offer, chance),
    )
