"""Launch market: the offers of one launch as a function of time, the same for every policy that is run on it.

A listing is shown a little longer than the machine can be rented, as a search index lags. Machines arrive as a Poisson
process, some of them come back under another offer id, and the cheap ones are taken first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from random import Random

from benchmarks.launch.machines import CARDS, Host, Machine, draw_host, draw_machine, draw_price
from benchmarks.launch.parameters import DISK_GB, MAX_DPH, MAX_INET_COST, MIN_INET_DOWN, MIN_RELIABILITY
from ert_deploy.core.model.observed import Offer

MINUTE = 60.0
PATIENT = 4.0  # a machine that stays this much longer than the typical one is no likelier to be listed at the start
SAMPLES = 400
OFFER_IDS, RAM_MB = 10_000, 24_564.0


@dataclass(slots=True)
class Listing:
    """One machine on the market from `start` until it is taken (`end`); a search lists it until `shown`. Seconds."""

    machine: Machine
    offer: Offer
    start: float
    end: float
    shown: float
    clash: bool


class Market:
    """Offers of one launch: a number, the values of the knobs, and whether the search is for verified hosts only."""

    def __init__(self, seed: int, knobs: Mapping[str, float], *, verified_only: bool) -> None:
        self._random = Random(seed)
        self._knobs, self._verified_only = knobs, verified_only
        self._hosts: list[Host] = []
        self._machines = 0
        self.listings: list[Listing] = []
        self._typical = CARDS[0][1] * knobs["price"]
        self._mean_stay, self._per_second = _flow(tuple(sorted(knobs.items())))
        self._known_until = 0.0
        stale = min(0.9, knobs["stale"])
        self._lag = self._mean_stay * stale / (1.0 - stale)
        for _ in range(round(knobs["listed"])):
            self._at_the_start(stale)

    def on_sale(self, now: float) -> Iterator[Listing]:
        """Yield the listings that a search at `now` shows and that match the criteria of every policy."""
        self._grow(now)
        for listing in self.listings:
            if listing.start <= now < listing.shown and self.matches(listing.machine):
                yield listing

    def matches(self, machine: Machine) -> bool:
        """Whether the filters that all policies share admit it."""
        return (
            machine.price <= MAX_DPH
            and machine.reliability >= MIN_RELIABILITY
            and machine.host.advertised >= MIN_INET_DOWN
            and machine.traffic <= MAX_INET_COST
            and (machine.host.standing == "verified" or not self._verified_only)
        )

    def all_until(self, now: float) -> list[Listing]:
        """Return every listing that starts by then, for the oracle."""
        self._grow(now)
        return [listing for listing in self.listings if listing.start <= now and self.matches(listing.machine)]

    def _grow(self, now: float) -> None:
        while self._known_until <= now:
            self._known_until += self._random.expovariate(self._per_second)
            self._arrival(self._known_until)

    def _at_the_start(self, stale: float) -> None:
        """Add an offer that is listed at time 0: patient ones are likelier, and some of them are taken already."""
        while True:
            host = self._host()
            gpu, price = draw_price(host, self._random, self._knobs)
            if self._random.random() * PATIENT < self._stay(price) / (self._knobs["listing"] * MINUTE):
                break
        machine = self._machine(host, gpu, price)
        if self._random.random() < stale:
            self._list(machine, 0.0, 0.0, self._random.random() * self._lag)
        else:
            self._list(machine, 0.0, self._random.expovariate(1.0 / self._stay(price)))

    def _arrival(self, now: float) -> None:
        if self._random.random() < self._knobs["returning"]:
            former = self._random.choice(self.listings)
            if former.shown < now:
                self._list(former.machine, now, now + self._random.expovariate(1.0 / self._stay(former.machine.price)))
                return
        host = self._host()
        gpu, price = draw_price(host, self._random, self._knobs)
        machine = self._machine(host, gpu, price)
        self._list(machine, now, now + self._random.expovariate(1.0 / self._stay(price)))

    def _list(self, machine: Machine, start: float, end: float, shown: float | None = None) -> None:
        shown = end + self._random.random() * self._lag if shown is None else shown
        offer = offer_of(machine, str(OFFER_IDS + len(self.listings)))
        clash = self._random.random() < self._knobs["clash"]
        self.listings.append(Listing(machine, offer, start, end, shown, clash))

    def _stay(self, price: float) -> float:
        return _stay(price, self._typical, self._knobs)

    def _host(self) -> Host:
        if self._hosts and self._random.random() >= 1.0 / self._knobs["machines per host"]:
            return self._random.choice(self._hosts)
        self._hosts.append(draw_host(len(self._hosts), self._random, self._knobs))
        return self._hosts[-1]

    def _machine(self, host: Host, gpu: str, price: float) -> Machine:
        self._machines += 1
        return draw_machine(self._machines, host, gpu, price, self._random, self._knobs)


def _stay(price: float, typical: float, knobs: Mapping[str, float]) -> float:
    """Return the mean seconds until an offer at that price is taken."""
    longer: float = (price / typical) ** knobs["cheap go first"]
    return knobs["listing"] * MINUTE * min(PATIENT, longer)


@lru_cache(maxsize=256)
def _flow(items: tuple[tuple[str, float], ...]) -> tuple[float, float]:
    """Return the mean seconds on the market, and the arrivals per second that keep the number of listings as it is."""
    knobs, random = dict(items), Random(1)
    typical = CARDS[0][1] * knobs["price"]
    stays = []
    for number in range(SAMPLES):
        _, price = draw_price(draw_host(number, random, knobs), random, knobs)
        stays.append(_stay(price, typical, knobs))
    mean = sum(stays) / SAMPLES
    return mean, max(1.0, knobs["listed"]) / mean


def offer_of(machine: Machine, offer_id: str) -> Offer:
    """Return what a search returns of a machine."""
    return Offer(
        id=offer_id, machine_id=machine.id, gpu_name=machine.gpu, gpu_ram_mb=RAM_MB, dph_total=machine.price,
        reliability=machine.reliability, inet_down=machine.host.advertised, inet_down_cost=machine.traffic, cuda=12.8,
        ports=64, duration=30 * 86400.0, disk_gb=4 * DISK_GB, geolocation=f"Somewhere, {machine.host.country}",
        verified=machine.host.standing == "verified", datacenter=machine.host.datacenter, host_id=machine.host.id,
        ip=machine.ip,
    )  # fmt: skip
