"""Chance that a rental becomes healthy: a public prior, and the earlier rentals of the host and the machine."""

from __future__ import annotations

from ert_deploy.core.market.learned import NOTHING, Evidence, Learned
from ert_deploy.core.model.observed import Offer
from ert_deploy.core.model.quick_dataclass import quick_dataclass

# Of 431 machines, 2 % of the verified and 50 % of the de-verified ones had not started after 12 minutes; the ports of
# all those in a data centre could be reached, and of 77 % of the unverified ones (ray-vast 0.3.0, gpu-24gb.yaml).
STARTS_VERIFIED = 0.98
STARTS_OTHERWISE = 0.50
REACHED_UNVERIFIED = 0.77
# The prior has the weight of a uniform one, two launches (Laplace's rule of succession).
PRIOR_LAUNCHES = 2.0
LEAST = 0.01  # no machine is certain to fail: the number of attempts stays finite


@quick_dataclass
class Odds:
    """Chance that a container starts, that its port is reached then, and that it becomes healthy then."""

    starts: float
    reached: float
    rest: float

    @property
    def all(self) -> float:
        """Return the chance that it becomes healthy."""
        return self.starts * self.reached * self.rest


MOST = 0.99  # no stage is certain to succeed
SURE = Odds(MOST, MOST, MOST)


def odds(offer: Offer, chance: float) -> Odds:
    """Return the chance of each part, of which all together have this `chance`: what was learned is about the start."""
    reached = MOST if offer.verified or offer.datacenter else REACHED_UNVERIFIED
    rest = max(LEAST, min(MOST, offer.reliability))
    return Odds(max(LEAST, min(MOST, chance / (reached * rest))), reached, rest)


def works(offer: Offer, learned: Learned = NOTHING) -> float:
    """Return the mean of a Beta posterior: that of the host's launches, then of those on the machine itself."""
    machine, host = learned.of(offer)
    found = _posterior(_posterior(prior(offer), host), machine)
    return max(LEAST, found)


def prior(offer: Offer) -> float:
    """Return the chance by verification, ports and Vast's own measure of the time for which the machine is up."""
    starts = STARTS_VERIFIED if offer.verified else STARTS_OTHERWISE
    reached = 1.0 if offer.verified or offer.datacenter else REACHED_UNVERIFIED
    return starts * reached * max(0.0, min(1.0, offer.reliability))


def _posterior(mean: float, evidence: Evidence) -> float:
    launches = evidence.healthy + evidence.failed
    return (PRIOR_LAUNCHES * mean + evidence.healthy) / (PRIOR_LAUNCHES + launches)
