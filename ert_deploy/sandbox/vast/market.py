"""Market: generates GPU offers; the same seed gives the same hosts, prices and hidden defects.

Values are typical for the cards (field names and units: Vast OpenAPI, `search_offers`); prices are plausible for
mid-2026, hosts and addresses are fictitious. The actual quality of a host (`flaw`) is not in any response.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import Any

DAY = 86400.0
HOURS_PER_MONTH = 720.0


@dataclass(frozen=True, slots=True)
class Card:
    """A GPU model: usable MB, compute capability x 100, $/h from and to, power in W, DL score, GB/s of memory."""

    name: str
    ram_mb: int
    capability: int
    low: float
    high: float
    power: float
    dlperf: float
    bandwidth: float


# F26
CARDS = (
    Card("RTX 3090", 24576, 860, 0.13, 0.24, 350.0, 62.0, 838.0),
    Card("RTX 4090", 24564, 890, 0.29, 0.48, 450.0, 118.0, 1008.0),
    Card("RTX A5000", 24564, 860, 0.16, 0.28, 230.0, 50.0, 768.0),
    Card("L4", 23034, 890, 0.25, 0.40, 72.0, 33.0, 300.0),
    Card("A10", 23028, 860, 0.18, 0.33, 150.0, 40.0, 600.0),
    Card("RTX 3090 Ti", 24564, 860, 0.17, 0.27, 450.0, 68.0, 1008.0),
)
OTHER_CARDS = (
    Card("RTX 3060", 12288, 860, 0.05, 0.09, 170.0, 22.0, 360.0),
    Card("RTX 4060 Ti", 16380, 890, 0.08, 0.13, 165.0, 36.0, 288.0),
    Card("RTX 5090", 32607, 1200, 0.42, 0.68, 575.0, 170.0, 1790.0),
    Card("RTX A6000", 49140, 860, 0.40, 0.58, 300.0, 72.0, 768.0),
    Card("A100 SXM4", 81920, 800, 0.85, 1.40, 400.0, 190.0, 2039.0),
    Card("H100 SXM", 81559, 900, 1.70, 2.40, 700.0, 420.0, 3350.0),
)
PLACES = ("Texas, US", "California, US", "Quebec, CA", "Sweden, SE", "Germany, DE", "Norway, NO", "Poland, PL")
FAR_PLACES = ("Vietnam, VN", "Thailand, TH", "South Korea, KR", "Brazil, BR")
CPUS = ("AMD EPYC 7402P 24-Core Processor", "Xeon Gold 6226R", "AMD Ryzen 9 5950X", "Core i9-13900K")
# The criteria of a careful user; the cheapest of these offers always work.
SENSIBLE_RELIABILITY = 0.98
SENSIBLE_SURE = 12
# Of the advertised speed: a "1,336 Mbps" host gave 5 to 11 MB/s (klutzydrummer/vastai-llmapi-orchestrator).
WORST_DELIVERED = 0.03


@dataclass(frozen=True, slots=True)
class Ask:
    """One offer. RAM in MB, network in Mb/s, prices in $/h, $/GB and $/GB/month, times as Unix seconds.

    `delivered` is the actual share of the advertised download rate; `flaw` is "" for a working host, else "slow" or
    "oci".
    """

    id: int
    machine_id: int
    host_id: int
    card: Card
    gpus: int
    dph_base: float
    min_bid: float
    storage_cost: float
    inet_down: float
    inet_up: float
    inet_down_cost: float
    inet_up_cost: float
    reliability: float
    verified: bool
    datacenter: bool
    static_ip: bool
    geolocation: str
    cuda: float
    driver: str
    ports: int
    disk_space: float
    cpu: str
    cores: int
    cpu_ram: int
    start_date: float
    end_date: float
    address: str
    rented: bool = False
    delivered: float = 0.5
    flaw: str = ""
    cpu_arch: str = "amd64"

    def country(self) -> str:
        """Return the two-letter code at the end of the location."""
        return self.geolocation.rsplit(", ", 1)[-1]

    def sensible(self, now: float) -> bool:
        """Whether a careful user would rent it for one 24 GB card."""
        return (
            self.verified
            and self.cpu_arch == "amd64"
            and not self.rented
            and self.gpus == 1
            and 22500 <= self.card.ram_mb < 30000
            and self.reliability >= SENSIBLE_RELIABILITY
            and self.inet_down >= 500
            and self.inet_down_cost <= 0.02
            and self.cuda >= 12.4
            and self.ports >= 4
            and self.disk_space >= 100
            and self.end_date - now >= 3 * DAY
        )


# F29
def make_market(seed: int, now: float, size: int = 72, bad_hosts: bool = True) -> tuple[Ask, ...]:
    """Return `size` offers; with `bad_hosts` some of them do not work, but never the cheapest sensible ones."""
    dice = random.Random(seed)  # noqa: S311 - a market, not a secret
    asks = [_blemish(_ask(dice, index, now), dice, index, now) for index in range(size)]
    sure = {a.id for a in sorted((a for a in asks if a.sensible(now)), key=_worth)[:SENSIBLE_SURE]}
    return tuple(_flawed(a, dice) if bad_hosts and a.id not in sure else a for a in asks)


def _worth(ask: Ask) -> float:
    return ask.dph_base * 2 + ask.inet_down_cost * 18


def _ask(dice: random.Random, index: int, now: float) -> Ask:
    """Return a host without known problems."""
    card = dice.choices(CARDS, weights=(30, 24, 12, 10, 10, 4))[0] if index % 5 else dice.choice(OTHER_CARDS)
    datacenter = card.name in ("L4", "A10") or dice.random() < 0.15
    gpus = 2 if index % 9 == 4 else 1
    base = round(dice.uniform(card.low, card.high) * gpus * (1.12 if datacenter else 1.0), 6)
    cuda, driver = dice.choice(((12.4, "550.90.07"), (12.8, "570.133.07"), (13.0, "580.65.06")))
    started = now - dice.uniform(20, 500) * DAY
    return Ask(
        id=31_000_000 + index * 1013 + dice.randrange(1000),
        machine_id=40_000 + index * 7 + dice.randrange(5),
        host_id=60_000 + dice.randrange(40),
        card=card,
        gpus=gpus,
        dph_base=base,
        min_bid=round(base * dice.uniform(0.4, 0.7), 6),
        storage_cost=round(dice.uniform(0.1, 0.2), 6),
        inet_down=round(dice.uniform(540, 4000), 1),
        inet_up=round(dice.uniform(200, 2500), 1),
        inet_down_cost=round(dice.choice((0.0, 0.002, 0.005, 0.01, 0.015)), 4),
        inet_up_cost=round(dice.choice((0.0, 0.004, 0.01, 0.02)), 4),
        reliability=round(dice.uniform(0.983, 0.9995), 7),
        verified=True,
        datacenter=datacenter,
        static_ip=datacenter or dice.random() < 0.6,
        geolocation=dice.choice(PLACES),
        cuda=max(cuda, 12.8) if card.capability >= 1000 else cuda,
        driver=driver,
        ports=dice.choice((8, 16, 50, 100, 250, 999)),
        disk_space=round(dice.uniform(120, 1800), 2),
        cpu=dice.choice(CPUS),
        cores=dice.choice((16, 24, 32, 64)),
        cpu_ram=dice.choice((64_000, 128_576, 257_000)),
        start_date=started,
        end_date=now + dice.uniform(10, 300) * DAY,
        address=f"127.0.1.{index % 250 + 1}",
        delivered=dice.uniform(0.35, 0.7),
    )


def _blemish(ask: Ask, dice: random.Random, index: int, now: float) -> Ask:
    """Give about 40 % of the hosts a visible property for which they should be avoided, or another user."""
    cheaper = round(ask.dph_base * 0.75, 6)
    # F27
    blemishes: dict[int, dict[str, Any]] = {
        1: {"verified": False, "dph_base": cheaper},
        3: {"cpu_arch": "arm64", "cpu": "Neoverse-V2", "dph_base": cheaper},
        6: {"reliability": round(dice.uniform(0.80, 0.965), 7), "dph_base": cheaper},
        8: {"ports": dice.choice((0, 1, 2))},
        11: {"inet_down_cost": 0.04, "inet_up_cost": 0.05, "dph_base": cheaper},
        13: {"cuda": 12.1, "driver": "530.41.03"},
        16: {"end_date": now + dice.uniform(0.2, 2.5) * DAY},
        18: {"geolocation": dice.choice(FAR_PLACES)},
        21: {"inet_down": round(dice.uniform(40, 300), 1)},
        23: {"rented": True},
    }
    return replace(ask, **blemishes.get(index % 24, {}))


# F28
def _flawed(ask: Ask, dice: random.Random) -> Ask:
    """Give some hosts a hidden defect: Vast's reliability does not predict whether a container starts."""
    chance = (0.06 if ask.verified else 0.25) + (1.0 - ask.reliability)
    if dice.random() >= chance:
        return ask
    return replace(ask, flaw="oci") if dice.random() < 0.4 else replace(ask, flaw="slow", delivered=WORST_DELIVERED)
