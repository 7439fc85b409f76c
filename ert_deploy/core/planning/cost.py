"""What an offer will really cost until it serves, and for the hours after that.

Vast's price in a search leaves out the download of image and model, the minutes before the model is loaded, and the
chance that the host does not work at all. All three can outweigh the price per hour, so the ranking counts them.
"""

from __future__ import annotations

from dataclasses import dataclass

from ert_deploy.core.model.desired import Launch
from ert_deploy.core.model.observed import Offer

# Hosts deliver about half of the advertised download rate (field reports range from 5 to 80 MB/s on "500 Mb/s").
ACHIEVED_RATE = 0.5
# Verified hosts fail to start a container in about one of twenty tries, others in one of five: our estimate.
WORKS_VERIFIED = 0.95
WORKS_UNVERIFIED = 0.80


@dataclass(frozen=True, slots=True)
class Estimate:
    """$ for the planned hours, split up, and the probability that the host works. `hourly` is the contract's $/h."""

    running: float
    boot: float
    download: float
    works: float
    hourly: float = 0.0

    def expected(self) -> float:
        """$ per attempt divided by the chance that the attempt succeeds."""
        return (self.running + self.until_healthy()) / self.works

    def until_healthy(self) -> float:
        """$ for one attempt until it serves."""
        return self.boot + self.download


def estimate(offer: Offer, launch: Launch, hours: float) -> Estimate:
    """The expected cost of `hours` of a healthy backend on this offer, at our bid and with the disk."""
    hourly = launch.hourly(offer)
    gigabytes = launch.image_gb + launch.model_gb
    boot_hours = launch.model_gb * 8000.0 / (max(offer.inet_down, 1.0) * ACHIEVED_RATE) / 3600.0
    return Estimate(
        running=hourly * hours,
        boot=hourly * boot_hours,
        download=gigabytes * offer.inet_down_cost,
        works=max(0.05, min(1.0, offer.reliability)) * (WORKS_VERIFIED if offer.verified else WORKS_UNVERIFIED),
        hourly=hourly,
    )
