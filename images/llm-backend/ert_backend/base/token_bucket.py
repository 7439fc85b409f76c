"""Rate limiter: token buckets by key and by address, bounded in number. No I/O, state in memory only.

A flood from one address empties only the bucket of that address. IPv6 addresses are grouped by their /64 network.
"""

from __future__ import annotations

import ipaddress
import math
from collections import OrderedDict
from dataclasses import dataclass, field

REMEMBERED = 10_000


@dataclass(slots=True)
class Buckets:
    """One bucket per name, initially full: `burst` tokens, refilled at `rate` per second. Old names are dropped."""

    rate: float
    burst: float
    _left: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)

    def wait(self, name: str, now: float) -> int:
        """Return the whole seconds until a token is available; 0 when one is. Does not take it."""
        missing = 1.0 - self._tokens(name, now)
        return max(1, math.ceil(missing / self.rate)) if missing > 0 else 0

    def take(self, name: str, now: float) -> int:
        """Take a token and return 0, or return the whole seconds until one is available."""
        waiting = self.wait(name, now)
        if not waiting:
            self._set(name, self._tokens(name, now) - 1.0, now)
        return waiting

    def spend(self, name: str, tokens: float, now: float) -> None:
        """Take `tokens` even below zero; the deficit is refilled first."""
        self._set(name, self._tokens(name, now) - tokens, now)

    def _set(self, name: str, left: float, now: float) -> None:
        self._left[name] = (left, now)
        self._left.move_to_end(name)
        if len(self._left) > REMEMBERED:
            self._left.popitem(last=False)

    def _tokens(self, name: str, now: float) -> float:
        tokens, at = self._left.get(name, (self.burst, now))
        return min(self.burst, tokens + (now - at) * self.rate)


@dataclass(frozen=True, slots=True)
class Rates:
    """The rate limits of the service."""

    key: Buckets
    address: Buckets
    bad_key: Buckets


def rates(key: float, address: float, bad_key: float, seconds: float = 4.0) -> Rates:
    """Create buckets with a burst of `seconds` seconds at their rate, and of one minute for invalid keys."""
    return Rates(
        Buckets(key, max(1.0, key * seconds)),
        Buckets(address, max(1.0, address * seconds)),
        Buckets(bad_key, max(1.0, bad_key * 60.0)),
    )


def neighbourhood(host: str) -> str:
    """Return the name of the bucket for an address."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((address, 64), strict=False))
