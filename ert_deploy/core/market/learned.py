"""What the launches of this deployment show about a machine, its host, and hosts as such."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeAlias, TypeVar

from ert_deploy.core.market.rates import BOOT, usual_pull, usual_rate
from ert_deploy.core.model.observed import Offer
from ert_deploy.core.model.quick_dataclass import quick_dataclass
from ert_deploy.core.model.state import Launched

# Speed within one rental: 8.5, 19.4, 20.6 MB/s (klutzydrummer/vastai-llmapi-orchestrator: README.md), a logarithmic
# spread of 0.5. One rental therefore shows nearly everything about the link of the machine it was on.
WITHIN = 0.5
BELIEVED = 100.0  # times the usual value, or a part of it: anything beyond is a faulty measurement or a forged state


@quick_dataclass
class Sample:
    """Number of measurements, and the mean of their logarithms as a ratio to the usual value."""

    count: int = 0
    mean: float = 0.0


@quick_dataclass
class Evidence:
    """What a group of launches shows: how many became healthy and how many failed, the link's rate, the start."""

    healthy: int = 0
    failed: int = 0
    rate: Sample = Sample()
    start: Sample = Sample()


NONE = Evidence()


@dataclass(frozen=True, slots=True)
class Learned:
    """What is known of each machine, of each host, and of all rentals together."""

    machines: Mapping[str, Evidence] = field(default_factory=dict)
    hosts: Mapping[str, Evidence] = field(default_factory=dict)
    everywhere: Evidence = NONE

    def of(self, offer: Offer) -> tuple[Evidence, Evidence]:
        """Return what is known of the machine of the offer, and of its host."""
        return self.machines.get(offer.machine_id, NONE), self.hosts.get(offer.host_id, NONE)

    def delivery(self, offer: Offer, spread: float) -> tuple[float, float]:
        """Return what the usual rate of this offer's link is multiplied by, and the spread that remains."""
        return self._factor(offer, spread, lambda evidence: evidence.rate)

    def start(self, offer: Offer, spread: float) -> tuple[float, float]:
        """Return what the usual time until a container runs on it is multiplied by, and the spread that remains."""
        return self._factor(offer, spread, lambda evidence: evidence.start)

    def _factor(self, offer: Offer, spread: float, sample: Callable[[Evidence], Sample]) -> tuple[float, float]:
        """Shrink the mean of each group towards that of the next wider one: all launches, the host, the machine.

        A rental deviates from the mean of its machine by `WITHIN`, and one of another host by that and `spread`.
        """
        if not self.machines:
            return 1.0, spread
        machine, host = map(sample, self.of(offer))
        everywhere = sample(self.everywhere)
        if not (everywhere.count or host.count or machine.count):
            return 1.0, spread
        within = (WITHIN / spread) ** 2
        mean = 0.0
        for group, doubt in ((everywhere, 1 + within), (host, within), (machine, within)):
            mean += (group.mean - mean) * group.count / (group.count + doubt)
        own = max(machine.count, host.count)
        left = math.sqrt(spread * spread / (1 + own / within) + WITHIN * WITHIN) if own else spread
        return math.exp(mean), min(spread, left)


NOTHING = Learned()


@quick_dataclass
class Pulled:
    """Rate in Mb/s of a machine's link by the pace of its pull in this run, and what it advertises."""

    machine_id: str
    host_id: str
    advertised: float
    rate: float


Past: TypeAlias = Launched | Pulled
_Past = TypeVar("_Past", bound=Past)


def learn(launches: Iterable[Launched], pulls: Iterable[Pulled] = ()) -> Learned:
    """Return what the launches in the state show, and the pulls of this run: their link only, as they have no end."""
    return _learned(tuple(launches), tuple(pulls))


@lru_cache(maxsize=16)
def _learned(ended: tuple[Launched, ...], pulls: tuple[Pulled, ...]) -> Learned:
    machines, hosts = defaultdict[str, list[Past]](list), defaultdict[str, list[Past]](list)
    found: tuple[Past, ...] = (*ended, *pulls)
    for one in found:
        machines[one.machine_id].append(one)
        hosts[one.host_id].append(one)
    hosts.pop("", None)
    return Learned(
        {name: _evidence(group) for name, group in machines.items()},
        {name: _evidence(group) for name, group in hosts.items()},
        _evidence(found),
    )


def _evidence(group: Iterable[Past]) -> Evidence:
    found = tuple(group)
    ended = [one for one in found if isinstance(one, Launched)]
    healthy = sum(one.healthy for one in ended)
    return Evidence(healthy, len(ended) - healthy, _sample(found, _delivered), _sample(ended, _started))


def _sample(group: Iterable[_Past], ratio: Callable[[_Past], float]) -> Sample:
    logs = [math.log(value) for one in group if 1 / BELIEVED <= (value := ratio(one)) <= BELIEVED]
    return Sample(len(logs), sum(logs) / len(logs)) if logs else Sample()


def _delivered(one: Past) -> float:
    return one.rate / usual_rate(one.advertised)


def _started(one: Launched) -> float:
    """Return the time until the container ran over the usual one, on a link with the rate that was measured."""
    return one.started / (usual_pull(one.image_gb, one.rate or usual_rate(one.advertised)) + BOOT)
