"""Nearest offers: what would have matched with which keys of the config relaxed, and at which price."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from ert_deploy.core.model.desired import Desired
from ert_deploy.core.model.observed import Offer
from ert_deploy.core.model.text import per_hour
from ert_deploy.core.planning.offers import Rejection, country

MOST_SHOWN = 5  # lines
HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Nearest:
    """The cheapest offer that only these keys excluded, with the values that would admit it, and its $/h."""

    keys: tuple[tuple[str, str], ...]
    offer: Offer
    hourly: float

    def line(self) -> str:
        """Return it as one line."""
        values = " and ".join(f"{key}: {value}" for key, value in self.keys)
        where = f" in {self.offer.geolocation}" if self.offer.geolocation else ""
        machine = f"{self.offer.gpu_name}{where} (machine {self.offer.machine_id})"
        return f"{machine} for {per_hour(self.hourly)} with {values}"


def _down(value: float, step: float) -> str:
    return f"{math.floor(value / step + 1e-9) * step:.10g}"


def _up(value: float, step: float) -> str:
    return f"{math.ceil(value / step - 1e-9) * step:.10g}"


# The value of a key that admits an offer; other filters cannot be relaxed.
_VALUES: Mapping[str, Callable[[Offer, Desired], str]] = {
    "offer/max_dph": lambda offer, desired: _up(desired.launch.hourly(offer), 0.01),
    "offer/max_inet_cost": lambda offer, _: _up(offer.inet_down_cost, 0.001),
    "offer/gpu_ram": lambda offer, _: f"{_down(offer.gpu_ram_mb, 1)}MB",
    "offer/min_reliability": lambda offer, _: _down(offer.reliability, 0.001),
    "offer/min_inet_down": lambda offer, _: _down(offer.inet_down, 1),
    "offer/min_cuda": lambda offer, _: _down(offer.cuda, 0.1),
    "offer/min_ports": lambda offer, _: str(offer.ports),
    "offer/min_duration": lambda offer, _: f"{_down(offer.duration / HOUR, 1)}h",
    "launch/disk_gb": lambda offer, _: _down(offer.disk_gb, 1),
    "launch/bid": lambda offer, _: _up(offer.min_bid or 0.0, 0.001),
    "offer/verified": lambda _, __: "false",
    "offer/datacenter": lambda _, __: "false",
    "offer/gpu_names": lambda offer, _: f"[..., {offer.gpu_name}]",
    "offer/countries": lambda offer, _: f"[..., {country(offer.geolocation)}]",
}


def nearest(
    rejected: Iterable[tuple[Offer, tuple[Rejection, ...]]], desired: Desired, most: int = MOST_SHOWN
) -> tuple[Nearest, ...]:
    """Return the cheapest offer of each smallest set of keys that would have to be relaxed, the cheapest first."""
    found: dict[tuple[str, ...], Nearest] = {}
    for offer, reasons in rejected:
        hourly, names = desired.launch.hourly(offer), tuple(sorted({reason.filter for reason in reasons}))
        if not _can_match(offer, hourly, names):
            continue
        if names not in found or hourly < found[names].hourly:
            found[names] = Nearest(tuple((name, _VALUES[name](offer, desired)) for name in names), offer, hourly)
    fewest = min(map(len, found), default=0)
    best = [one for names, one in found.items() if len(names) == fewest]
    return tuple(sorted(best, key=lambda one: (one.hourly, one.offer.id))[:most])


def _can_match(offer: Offer, hourly: float, names: tuple[str, ...]) -> bool:
    """Whether all these filters can be relaxed, and all values of the offer are known."""
    numbers = (
        hourly, offer.inet_down_cost, offer.gpu_ram_mb, offer.reliability, offer.inet_down, offer.cuda, offer.duration,
        offer.disk_gb,
    )  # fmt: skip
    known = all(math.isfinite(number) and number >= 0 for number in numbers)
    return (
        known
        and all(name in _VALUES for name in names)
        and ("offer/countries" not in names or bool(country(offer.geolocation)))
    )
