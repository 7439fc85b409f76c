"""Price model: expected price of an offer until it is ready, and for the hours after that.

The price in a Vast search excludes the download of image and model, the time until the model is loaded, and the risk
that the host does not work. Each of these can exceed the price per hour, so the ranking includes them.
"""

from __future__ import annotations

from dataclasses import dataclass

from ert_deploy.core.model.desired import Launch
from ert_deploy.core.model.observed import Offer

# Hosts deliver about half of the advertised download rate (field reports range from 5 to 80 MB/s on "500 Mb/s").
ACHIEVED_RATE = 0.5
# Own experience: 5% of Vast's `verified` hosts and 20% of all other hosts fail to start a container.
WORKS_VERIFIED = 0.95
WORKS_UNVERIFIED = 0.80


@dataclass(frozen=True, slots=True)
class Estimate:
    """$ for the planned hours by component, and the chance that the host works. `hourly` is the total $/h."""

    running: float
    boot: float
    download: float
    works: float
    hourly: float = 0.0

    def expected(self) -> float:
        """Return the $ per attempt divided by the success rate."""
        return (self.running + self.until_healthy()) / self.works

    def until_healthy(self) -> float:
        """Return the $ for one attempt until the backend is ready."""
        return self.boot + self.download


def estimate(offer: Offer, launch: Launch, hours: float) -> Estimate:
    """Return the expected price of `hours` of a backend on this offer, with the configured bid and the disk."""
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
