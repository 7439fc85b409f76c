"""Machines of the launch market: what an offer tells of one, and what would happen to a container on it.

The second part is hidden from every policy but the oracle. A machine has one fate: a second attempt ends the same way.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from benchmarks.launch.parameters import IMAGE_GB, MODEL_GB

CARDS = (("RTX 3090", 0.25, 0.6), ("RTX 4090", 0.45, 0.4))  # verified $/h and share
COUNTRIES = ("US", "CA", "SE", "NO", "DE", "PL", "CZ", "FR", "KR", "JP")
GB = 1000.0  # MB
NEVER = math.inf
EXIT_AFTER, CLASH_AFTER, OFFLINE = 20.0, 10.0, 0.5  # s after the start; s after the create; share of the pull


class Fate(StrEnum):
    """What becomes of a container on a machine."""

    HEALTHY = "healthy"
    SILENT = "hangs without a message"
    REFUSED = "the container cannot be made"
    EXITED = "the container ends at once"
    OFFLINE = "the host is lost"
    NO_PORT = "its port is not reachable"
    STALL = "the download stops"
    NO_LOAD = "the model never loads"
    CLASH = "its ports are taken"


VISIBLE = (Fate.REFUSED, Fate.REFUSED, Fate.EXITED, Fate.OFFLINE)


@dataclass(slots=True)
class Host:
    """What the machines of one operator have in common. Speeds in Mb/s and MB/s."""

    id: str
    country: str
    standing: str
    datacenter: bool
    advertised: float
    delivered: float
    fate: Fate


@dataclass(slots=True)
class Machine:
    """One machine. `pull` to `load` are seconds; `breaks` is the share of the pull or download after which it hangs."""

    id: str
    host: Host
    gpu: str
    price: float
    reliability: float
    traffic: float
    fate: Fate
    breaks: float
    pull: float
    start: float
    port: float
    download: float
    load: float

    @property
    def ip(self) -> str:
        """Public address: one for all machines of a home or office, and one for each in a data centre."""
        return f"{self.host.id}/{self.id}" if self.host.datacenter else self.host.id

    @property
    def running(self) -> float:
        """Seconds from the create to a running container, if it ever runs."""
        return self.pull + self.start

    @property
    def healthy(self) -> float:
        """Seconds from the create to a healthy backend; `NEVER` if it does not become one."""
        if self.fate is not Fate.HEALTHY:
            return NEVER
        return self.running + max(self.port, self.download) + self.load


def draw_host(number: int, random: Random, knobs: Mapping[str, float]) -> Host:
    """Return a new operator."""
    at = random.random()
    verified = at < knobs["verified"]
    standing = (
        "verified" if verified else "deverified" if at < knobs["verified"] + knobs["deverified"] else "unverified"
    )
    datacenter = verified and random.random() < knobs["datacenter"]
    typical = knobs["advertised, datacenter"] if datacenter else knobs["advertised"]
    advertised = typical * math.exp(random.gauss(0.0, 0.4))
    weight = (advertised / knobs["advertised"]) ** knobs["relation"]
    delivered = knobs["delivered"] * weight * math.exp(random.gauss(0.0, knobs["delivered spread"]))
    return Host(
        id=f"h{number}", country=random.choice(COUNTRIES), standing=standing, datacenter=datacenter,
        advertised=advertised, delivered=max(0.5, min(delivered, advertised / 8.0)),
        fate=draw_fate(standing, datacenter, random, knobs),
    )  # fmt: skip


def draw_fate(standing: str, datacenter: bool, random: Random, knobs: Mapping[str, float]) -> Fate:
    """Return what becomes of containers on a machine of a host of that standing."""
    at = random.random()
    if at < knobs[f"not started, {standing}"]:
        return Fate.SILENT if random.random() < knobs["silent"] else random.choice(VISIBLE)
    at = random.random()
    if not datacenter and at < knobs["no port, verified" if standing == "verified" else "no port, others"]:
        return Fate.NO_PORT
    at = random.random()
    if at < knobs["stall"]:
        return Fate.STALL
    return Fate.NO_LOAD if at < knobs["stall"] + knobs["no load"] else Fate.HEALTHY


def draw_price(host: Host, random: Random, knobs: Mapping[str, float]) -> tuple[str, float]:
    """Return the card of a machine and its price in $/h, disk included."""
    at, (gpu, base, _) = random.random(), CARDS[0]
    if at >= CARDS[0][2]:
        gpu, base, _ = CARDS[1]
    part = {"verified": 1.0, "unverified": 0.7, "deverified": knobs["deverified price"]}[host.standing]
    if host.datacenter:
        part *= 1.2
    return gpu, base * part * knobs["price"] * math.exp(random.gauss(0.0, knobs["price spread"]))


def draw_machine(
    number: int, host: Host, gpu: str, price: float, random: Random, knobs: Mapping[str, float]
) -> Machine:
    """Return a new machine of that operator."""
    speed = host.delivered
    shared = random.random() < knobs["host share of faults"]
    own = draw_fate(host.standing, host.datacenter, random, knobs)
    cached = random.random() < knobs["cached"]
    return Machine(
        id=f"{number}", host=host, gpu=gpu, price=price,
        reliability=max(0.5, 1.0 - random.expovariate(1.0 / (0.006 if host.standing == "verified" else 0.03))),
        traffic=random.expovariate(1.0 / knobs["traffic price"]) if knobs["traffic price"] else 0.0,
        fate=host.fate if shared else own, breaks=random.random(),
        pull=0.0 if cached else IMAGE_GB * GB / speed + IMAGE_GB * GB / knobs["unpack"],
        start=knobs["start"] * math.exp(random.gauss(0.0, 0.3)), port=knobs["port"] * math.exp(random.gauss(0.0, 0.3)),
        download=MODEL_GB * GB / speed, load=knobs["load"] * math.exp(random.gauss(0.0, 0.3)),
    )  # fmt: skip
