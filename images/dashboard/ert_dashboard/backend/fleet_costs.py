"""Cost estimate for several backends: the price of each by its own word, its time up, and the sum. No I/O."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ert_dashboard.backend.spend import Meter, Sample, seconds_up
from ert_dashboard.base.machine import Machine, amount, read_said

_HOUR_S = 3600.0
_CENTURY_S = 3.2e9
_MINUTE_S = 60
Line = list[tuple[float, float]]  # points: Unix time, and what was spent until then in USD


@dataclass(frozen=True)
class Cost:
    """One backend: whether it is up, its price in USD per hour, and its spend over time; None without a price."""

    up: bool
    price: float | None
    line: Line | None
    speed: float = 1.0  # of the provider's clock

    @property
    def rate(self) -> float:
        """USD per second of this process now; 0 while it is down, or without a price."""
        return self.price * self.speed / _HOUR_S if self.up and self.price is not None else 0.0

    @property
    def spent(self) -> float | None:
        """USD until now; None without a price."""
        return None if self.line is None else self.line[-1][1] if self.line else 0.0


@dataclass
class _Seen:
    machine: Machine
    meter: Meter = field(default_factory=Meter)
    up: bool = False


class FleetCosts:
    """What was seen of the backends since this process started, by their position. Thread-safe."""

    def __init__(self, backends: int, machine: Machine) -> None:
        """`machine` has what the operator has set; what a backend reports takes precedence."""
        self._lock = threading.Lock()
        self._seen = [_Seen(machine) for _ in range(backends)]

    def see(self, position: int, said: Mapping[str, Any], at: float) -> None:
        """Take what a backend said at Unix time `at`; {} without a response."""
        with self._lock:
            seen = self._seen[position]
            seen.machine, seen.up = read_said(said, seen.machine), bool(said)
            seen.meter.see(Sample(at, amount(said.get("uptime"), _CENTURY_S)))

    def each(self) -> tuple[Cost, ...]:
        """Return the cost of each backend, in the order of the configuration."""
        with self._lock:
            return tuple(_cost(seen) for seen in self._seen)


def _cost(seen: _Seen) -> Cost:
    price = seen.machine.price
    if price is None:
        return Cost(seen.up, None, None)
    per_second = price * seen.machine.speed / _HOUR_S
    line = [(at, up * per_second) for at, up in seconds_up(seen.meter.samples())]
    return Cost(seen.up, price, line, seen.machine.speed)


def price_now(each: Sequence[Cost]) -> float | None:
    """Return the price of all that are up, in USD per hour; None if that of one of them is not known."""
    prices = [one.price for one in each if one.up]
    known = [price for price in prices if price is not None]
    return sum(known) if len(known) == len(prices) else None


def together(each: Sequence[Cost]) -> Line | None:
    """Return the spend of all those with a price, a point for each minute; None if none has one."""
    lines = [one.line for one in each if one.line is not None]
    if not lines:
        return None
    steps = sorted((at, number, spent) for number, line in enumerate(lines) for at, spent in line)
    now, found = [0.0] * len(lines), dict[int, tuple[float, float]]()
    for at, number, spent in steps:
        now[number] = spent
        found[int(at // _MINUTE_S)] = at, sum(now)
    return list(found.values())
