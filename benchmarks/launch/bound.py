"""Bound of a policy that knows the market's distribution but not the outcome, and that sees every sign at once.

Its question is one time: how often can two slots have a healthy backend by then? It takes the offers in the order of
their true chance to be healthy in that time, learns a machine's speed with the first sign of it and each failure in the
instant in which it happens, and keeps whatever may still make it. No policy with the same two slots that sees what a
poll returns has a better share, but for luck in the order, so its quantiles are a floor for all of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.launch.machines import CARDS, CLASH_AFTER, EXIT_AFTER, OFFLINE, Fate, Machine
from benchmarks.launch.market import Listing, Market
from benchmarks.launch.parameters import HORIZON, IMAGE_GB, MODEL_GB, VERIFIED_ONLY, values
from benchmarks.launch.rental import LAYERS, MADE
from benchmarks.launch.session import CREATE_EVERY, DESTROY, SLOTS

MEGA = 1000.0  # MB in a GB
MOST = 1000  # markets
CLOSE = 10.0  # s to which a quantile is found


@dataclass(slots=True)
class Slot:
    """One of the two places, and when it is free."""

    free: float


def chance(listing: Listing, within: float, knobs: Mapping[str, float]) -> float:
    """Return the true chance, by its offer, that a machine is healthy so many seconds after its create."""
    machine = listing.machine
    verified, datacenter = machine.host.standing == "verified", machine.host.datacenter
    odds = works("verified", datacenter, knobs) if verified else _unverified(machine, knobs)
    longest = within - knobs["start"] - knobs["load"]
    if longest <= 0:
        return 0.0
    needed = (IMAGE_GB + MODEL_GB) * MEGA / max(1.0, longest - IMAGE_GB * MEGA / knobs["unpack"])
    usual = knobs["delivered"] * (machine.host.advertised / knobs["advertised"]) ** knobs["relation"]
    return odds * math.erfc(math.log(needed / usual) / max(1e-6, knobs["delivered spread"]) / math.sqrt(2)) / 2


def works(standing: str, datacenter: bool, knobs: Mapping[str, float]) -> float:
    """Return the true chance that a machine of a host of that standing becomes healthy at all."""
    port = 0.0 if datacenter else knobs["no port, verified" if standing == "verified" else "no port, others"]
    return (1 - knobs[f"not started, {standing}"]) * (1 - port) * (1 - knobs["stall"] - knobs["no load"])


def _unverified(machine: Machine, knobs: Mapping[str, float]) -> float:
    """Return the chance of a host that is not verified: whether it once was shows in the price only."""
    never = max(1e-9, 1 - knobs["verified"] - knobs["deverified"])
    base = next(price for name, price, _ in CARDS if name == machine.gpu) * knobs["price"]
    kinds = ("unverified", never, 0.7), ("deverified", knobs["deverified"], knobs["deverified price"])
    weights = {
        standing: share * math.exp(-((math.log(machine.price / (base * part)) / knobs["price spread"]) ** 2) / 2)
        for standing, share, part in kinds
    }
    total = sum(weights.values()) or 1.0
    return sum(weight / total * works(standing, False, knobs) for standing, weight in weights.items())


def learned(listing: Listing, fate: Fate) -> tuple[float, float]:
    """Return the seconds after the create at which its speed is known, and at which its failure is."""
    machine = listing.machine
    speed = MADE + machine.pull / LAYERS if machine.pull else machine.start
    ends = {
        Fate.CLASH: CLASH_AFTER,
        Fate.SILENT: MADE + machine.breaks * machine.pull,
        Fate.OFFLINE: MADE + OFFLINE * machine.pull,
        Fate.REFUSED: MADE + machine.pull,
        Fate.EXITED: machine.running + EXIT_AFTER,
        Fate.NO_PORT: machine.running,
        Fate.STALL: machine.running + machine.breaks * machine.download,
        Fate.NO_LOAD: machine.running + machine.download,
    }
    return speed, ends.get(fate, math.inf)


def in_time(market: Market, knobs: Mapping[str, float], limit: float) -> bool:
    """Whether it has a healthy backend by `limit` seconds on this market."""
    slots, next_create = [Slot(knobs["search"]) for _ in range(SLOTS)], 0.0
    tried: set[str] = set()
    while True:
        slot = min(slots, key=lambda one: one.free)
        now = max(slot.free, next_create)
        if now >= limit:
            return False
        shown = [x for x in market.on_sale(now) if x.machine.id not in tried]
        made = now + knobs["create"]
        best = max(shown, key=lambda x: chance(x, limit - made, knobs), default=None)
        if best is None or chance(best, limit - made, knobs) <= 0:
            slot.free = now + CREATE_EVERY
            continue
        tried.add(best.machine.id)
        next_create = made + CREATE_EVERY
        taken = not best.start <= made < best.end
        if taken and not best.clash:
            slot.free = made
            continue
        fate = Fate.CLASH if taken else best.machine.fate
        speed, fails = learned(best, fate)
        if fate is Fate.HEALTHY and made + best.machine.healthy <= limit:
            return True
        would = made + best.machine.running + max(best.machine.port, best.machine.download) + best.machine.load
        slot.free = made + DESTROY + (min(speed, fails) if would > limit else fails)


def quantile(mood: str, launches: int, at: float) -> float:
    """Return the minutes within which it is in time on a share `at` of so many markets, to `CLOSE` seconds."""
    knobs = values(mood)
    markets = [Market(seed, knobs, verified_only=VERIFIED_ONLY[mood]) for seed in range(min(launches, MOST))]
    low, high = 0.0, HORIZON
    while high - low > CLOSE:
        middle = (low + high) / 2
        made = sum(in_time(market, knobs, middle) for market in markets)
        low, high = (low, middle) if made >= at * len(markets) else (middle, high)
    return high / 60.0
