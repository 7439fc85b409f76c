"""Selection of offers: which ones may be rented, in which order, and why all other ones are not.

The server does not always apply its filters, so every offer is checked again here before it is rented.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from ert_deploy.core.market.cost import Estimate, estimate
from ert_deploy.core.market.learned import NOTHING, Learned
from ert_deploy.core.model.boot.others import ALONE, Others
from ert_deploy.core.model.desired import INTERRUPTIBLE, Desired
from ert_deploy.core.model.observed import Offer
from ert_deploy.core.model.quick_dataclass import quick_dataclass

COUNTRY_CODE_LENGTH = 2
CPU_ARCH = "amd64"  # platform of the image


@dataclass(frozen=True, slots=True)
class Rejection:
    """One filter that rejected an offer: its config path and the failed comparison."""

    filter: str
    detail: str


@quick_dataclass
class Ranked:
    """An acceptable offer and its expected price."""

    offer: Offer
    estimate: Estimate


@quick_dataclass
class Choice:
    """Result for all offers: the accepted ones, the best first, the rejected ones with all their reasons."""

    ranked: tuple[Ranked, ...]
    rejected: tuple[tuple[Offer, tuple[Rejection, ...]], ...]

    def removed_by(self) -> tuple[tuple[str, int], ...]:
        """Return how many offers each filter excluded, highest first. An offer is included for each filter it fails."""
        counts = Counter(r.filter for _, reasons in self.rejected for r in reasons)
        return tuple(counts.most_common())


def choose(
    offers: Iterable[Offer],
    desired: Desired,
    denied: frozenset[str] = frozenset(),
    occupied: frozenset[str] = frozenset(),
    *,
    learned: Learned = NOTHING,
    denied_hosts: frozenset[str] = frozenset(),
    others: Others = ALONE,
) -> Choice:
    """Split offers into accepted (the best first) and rejected.

    The best offer has the lowest expected price of the planned hours and of the wait before them, then the highest
    reliability, then the lowest id. An hour of waiting counts as much as the config would pay for an hour at most.

    `occupied` are the machines on which this deployment has an instance, or may have one: two instances on one machine
    use the same ports, and a fault of the machine would affect both. `others` are the replicas to be apart from.
    """
    ranked: list[Ranked] = []
    rejected: list[tuple[Offer, tuple[Rejection, ...]]] = []
    for offer in offers:
        reasons = tuple(reject(offer, desired, denied, occupied, denied_hosts, others=others))
        if reasons:
            rejected.append((offer, reasons))
        else:
            ranked.append(Ranked(offer, estimate(offer, desired.launch, desired.plan_hours, learned)))
    return Choice(in_order(ranked, desired), tuple(rejected))


def in_order(ranked: Iterable[Ranked], desired: Desired) -> tuple[Ranked, ...]:
    """Return acceptable offers, the best first."""
    worth = desired.criteria.max_dph
    return tuple(sorted(ranked, key=lambda r: (r.estimate.score(worth), -r.offer.reliability, r.offer.id)))


def merged(found: Iterable[Offer], wide: Iterable[Offer]) -> tuple[Offer, ...]:
    """Merge a filtered search and a later one without filters: the later price is used, and the CPU of the filter."""
    later = {offer.id: offer for offer in wide}
    first = [with_cpu(later.pop(offer.id, offer), offer.cpu_arch) for offer in found]
    return (*first, *later.values())


def with_cpu(offer: Offer, cpu_arch: str) -> Offer:
    """Return the offer with this architecture, which a search without filters may not report."""
    return offer if offer.cpu_arch == cpu_arch else replace(offer, cpu_arch=cpu_arch)


def reject(
    offer: Offer,
    desired: Desired,
    denied: frozenset[str],
    occupied: frozenset[str] = frozenset(),
    denied_hosts: frozenset[str] = frozenset(),
    *,
    others: Others = ALONE,
) -> Iterable[Rejection]:
    """Yield every reason for rejecting this offer."""
    if offer.machine_id in denied:
        yield Rejection("deny list", f"machine {offer.machine_id} failed here before")
    elif offer.host_id in denied_hosts:
        yield Rejection("deny list", f"machines of host {offer.host_id} failed here before")
    if offer.machine_id in occupied:
        yield Rejection("another machine", f"machine {offer.machine_id} has an instance of this deployment")
    if others.near(offer.machine_id, offer.host_id, offer.ip):
        yield Rejection("another replica", "a replica is on this machine, at this host or address")
    yield from _prices(offer, desired)
    yield from _minimums(offer, desired)
    yield from _kinds(offer, desired)


def _prices(offer: Offer, desired: Desired) -> Iterable[Rejection]:
    launch = desired.launch
    interruptible = launch.market is INTERRUPTIBLE
    with_bid = "$/h with our bid and the disk" if interruptible else "$/h"
    caps = (
        ("offer/max_dph", launch.hourly(offer), desired.criteria.max_dph, with_bid),
        ("offer/max_inet_cost", offer.inet_down_cost, desired.criteria.max_inet_cost, "$/GB"),
    )
    for path, value, cap, unit in caps:
        if not (math.isfinite(value) and 0 <= value <= cap):
            yield Rejection(path, f"{value:g} {unit} > {cap:g}")
    if interruptible and not desired.cloud.bids:
        yield Rejection("launch/market", "this cloud takes no bids")
    bid = launch.bid_on(offer)
    if interruptible and (bid is None or bid < (offer.min_bid or 0.0)):
        yield Rejection("launch/bid", f"bid {bid} < {offer.min_bid}")


def _minimums(offer: Offer, desired: Desired) -> Iterable[Rejection]:
    c = desired.criteria
    floors = (
        ("offer/gpu_ram", offer.gpu_ram_mb, c.min_gpu_ram_mb, "MB"),
        ("offer/min_reliability", offer.reliability, c.min_reliability, ""),
        ("offer/min_inet_down", offer.inet_down, c.min_inet_down, "Mb/s"),
        ("offer/min_cuda", offer.cuda, c.min_cuda, ""),
        ("offer/min_ports", float(offer.ports), c.min_ports, "ports"),
        ("offer/min_duration", offer.duration, c.min_duration, "s"),
        ("launch/disk_gb", offer.disk_gb, desired.launch.disk_gb, "GB"),
    )
    for path, value, floor, unit in floors:
        endless = path == "offer/min_duration" and value == math.inf
        if not (floor <= value < math.inf or endless):
            yield Rejection(path, f"{value:g} < {floor:g} {unit}".rstrip())


def _kinds(offer: Offer, desired: Desired) -> Iterable[Rejection]:
    c = desired.criteria
    if offer.num_gpus != 1:
        yield Rejection("one GPU", f"{offer.num_gpus} GPUs")
    if offer.cpu_arch != CPU_ARCH:
        yield Rejection("cpu_arch", f"{offer.cpu_arch or 'unknown'}, the image is {CPU_ARCH}")
    if not offer.rentable:
        yield Rejection("rentable", "rented by another customer")
    if c.verified and not offer.verified:
        yield Rejection("offer/verified", "host is not verified")
    if c.datacenter and not offer.datacenter:
        yield Rejection("offer/datacenter", "not in a data centre")
    if c.gpu_names and offer.gpu_name not in c.gpu_names:
        yield Rejection("offer/gpu_names", f"{offer.gpu_name} is not listed")
    if c.countries and country(offer.geolocation) not in c.countries:
        yield Rejection("offer/countries", f"{offer.geolocation or 'unknown place'} is not listed")


def country(geolocation: str) -> str:
    """Return the two-letter code at the end of Vast's "Texas, US"; empty if there is none."""
    tail = geolocation.rpartition(",")[2].strip().upper()
    return tail if len(tail) == COUNTRY_CODE_LENGTH and tail.isalpha() else ""
