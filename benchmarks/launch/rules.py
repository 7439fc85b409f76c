"""Rules of the peers: each policy as its settings, after its documented behaviour, with the public source of each.

Where a source leaves a choice to its user, the setting that does best here is taken. All of them have the product's
criteria; those whose documented filter is narrower (verified, data centre) prefer such hosts as long as any is listed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.launch.parameters import IMAGE_GB
from ert_deploy.core.model.observed import Offer

MINUTE = 60.0
PULL_LEAST, PULL_MOST, PULL_FACTOR = 5 * MINUTE, 15 * MINUTE, 2.0  # ray-vast: clamp(2 x size / speed, 5, 15 min)
MEGABITS = 8000.0  # of a GB


def price(offer: Offer) -> tuple[float, ...]:
    """The cheapest first."""
    return (offer.dph_total,)


def verified_first(offer: Offer) -> tuple[float, ...]:
    """Verified hosts first, the cheapest of them."""
    return (float(not offer.verified), offer.dph_total)


def datacenter_first(offer: Offer) -> tuple[float, ...]:
    """Verified hosts in data centres first, then verified ones, the cheapest of them."""
    return (float(not offer.datacenter), float(not offer.verified), offer.dph_total)


def never(_: Offer) -> float:
    """No limit."""
    return math.inf


def pull_limit(offer: Offer) -> float:
    """Return ray-vast's limit on the image pull, in seconds."""
    return min(max(PULL_FACTOR * IMAGE_GB * MEGABITS / offer.inet_down, PULL_LEAST), PULL_MOST)


@dataclass(frozen=True, slots=True)
class Rule:
    """Settings of one policy. Times in seconds.

    A candidate is given up when it does not run `running_within` the create, its port is not open `port_within`
    that, it is not healthy `healthy_within` that, or its status is in `terminal`; `reads_message` is for a failure that
    only the host's message names. `blocks`: its machine is not tried again. `apart`: two candidates never share a host
    or a country, and `avoids` that where one failed. `decides`: the candidate whose port opens first has won, and the
    others are destroyed then. `refills`: each failed candidate is replaced at once, not only after all have failed.
    After `breaker` failed rounds in a row it pauses for `breaker_pause`.
    """

    name: str
    source: str
    order: Callable[[Offer], tuple[float, ...]] = price
    slots: int = 1
    running_within: Callable[[Offer], float] = never
    port_within: float = math.inf
    healthy_within: float = math.inf
    terminal: frozenset[str] = frozenset()
    reads_message: bool = False
    blocks: bool = True
    apart: str = "machine"
    avoids: bool = False
    decides: bool = False
    refills: bool = True
    pause: float = 0.0
    breaker: int = 0
    breaker_pause: float = 0.0
    every: float = 10.0


ENDED = frozenset(("exited", "offline"))
CHEAPEST = Rule(
    "cheapest first, one time-out",
    "Vast's quick start: a fresh pull takes 10 to 60 minutes; its agent skill: exited and offline never run again",
    running_within=lambda _: 60 * MINUTE, healthy_within=60 * MINUTE, terminal=ENDED,
)  # fmt: skip
DSTACK = Rule(
    "next offer on error (dstack)",
    "dstackai/dstack: get_provisioning_timeout (10 min), vastai/compute.py (verified, OCI error), retry on every event",
    order=verified_first, running_within=lambda _: 10 * MINUTE, port_within=10 * MINUTE, reads_message=True,
    blocks=False, pause=15.0, every=5.0,
)  # fmt: skip
SKYPILOT = Rule(
    "sequential with blocklist (SkyPilot)",
    "skypilot-org/skypilot sky/provision/vast/instance.py: 30 min to running, ended ones at once, machines excluded; "
    "SkyServe: readiness within initial_delay_seconds, to be set to the service's start-up (here 30 min)",
    order=verified_first, running_within=lambda _: 30 * MINUTE, healthy_within=30 * MINUTE, terminal=ENDED,
)  # fmt: skip
RAY_VAST = Rule(
    "hedge of two (ray-vast)",
    "ray-vast 0.3.0 provider.py: two candidates per worker, pull within clamp(2 x size / speed, 5, 15 min), enrolled "
    "60 s after running, the first one wins, machines blocked for a day, 10 min of pause after 3 failures in a row",
    order=datacenter_first, slots=2, running_within=pull_limit, port_within=60.0, terminal=ENDED, reads_message=True,
    apart="host", decides=True, refills=False, breaker=3, breaker_pause=10 * MINUTE,
)  # fmt: skip
RAY_VAST_TO_HEALTH = Rule(
    "the same, hedged until healthy",
    "not documented: ray-vast's limits with both candidates kept until one is healthy, and each replaced at once",
    order=datacenter_first, slots=2, running_within=pull_limit, port_within=60.0, healthy_within=30 * MINUTE,
    terminal=ENDED, reads_message=True, apart="host",
)  # fmt: skip
SPOTHEDGE = Rule(
    "spread (SpotHedge)",
    "SkyServe, EuroSys 2025 (arXiv 2411.01438), sky/serve/spot_placer.py: one replica more than needed, cheapest in "
    "another location each, locations of failures avoided until fewer than two are left; provisioning as SkyPilot",
    order=verified_first, slots=2, running_within=lambda _: 30 * MINUTE, healthy_within=30 * MINUTE, terminal=ENDED,
    apart="country", avoids=True,
)  # fmt: skip
SEQUENTIAL, HEDGING = (CHEAPEST, DSTACK, SKYPILOT), (RAY_VAST, RAY_VAST_TO_HEALTH, SPOTHEDGE)
PEERS = (*SEQUENTIAL, *HEDGING)
