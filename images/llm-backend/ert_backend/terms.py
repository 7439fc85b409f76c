"""Rental terms: the machine's price and its idle stop, from its environment. Displayed only, never acted on.

The tool that rented the machine sets the card and the price; the guard's rules are parsed with the guard's own code. A
value that is missing or invalid is None.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from typing_extensions import TypedDict

from ert_backend.base.limits import Limits
from ert_backend.guard import settings

UNGUARDED = "unguarded"
_DEAREST, _LONGEST_NAME = 1000.0, 80


class Shown(TypedDict):
    """The object in `/status`: US dollars per hour, money seconds, and money seconds per real second."""

    gpu_name: str | None
    price_per_hour: float | None
    idle_stop_seconds: float
    clock_speed: float


@dataclass(frozen=True, slots=True)
class Terms:
    """`price` in US dollars per hour while it runs; `idle_stop` in money seconds, 0 when it does not stop by itself.

    `speed` is the number of money seconds per real second, other than 1 in a sandbox only; `created_with` are the
    limits of the environment, None without a guard.
    """

    gpu: str | None = None
    price: float | None = None
    idle_stop: float = 0.0
    speed: float = 1.0
    created_with: Limits | None = None

    def limits(self, later: Limits | None) -> Limits | None:
        """Return the limits in force, `later` ones before those of the environment; None without a guard."""
        return (later or self.created_with) if self.created_with is not None else None

    def shown(self, later: Limits | None = None) -> Shown:
        """Return the fields of `/status`."""
        now = self.limits(later)
        return {
            "gpu_name": self.gpu,
            "price_per_hour": self.price,
            "idle_stop_seconds": self.idle_stop if now is None else float(now.idle_stop),
            "clock_speed": self.speed,
        }


def read_terms(env: Mapping[str, str]) -> Terms:
    """Read `ERT_GPU_NAME`, `ERT_GPU_PRICE_PER_HOUR` and the guard's rules; never raises. No guard, no idle stop."""
    guard = settings.load(env)
    guarded = guard.enabled and env.get("ERT_RUN", UNGUARDED) != UNGUARDED
    name = "".join(char for char in env.get("ERT_GPU_NAME", "") if char.isprintable()).strip()
    return Terms(
        gpu=name[:_LONGEST_NAME] or None,
        price=_price(env.get("ERT_GPU_PRICE_PER_HOUR", "")),
        idle_stop=guard.idle_stop if guarded else 0.0,
        speed=guard.speed,
        created_with=_limits(guard) if guarded else None,
    )


def _limits(guard: settings.GuardSettings) -> Limits | None:
    """Return the limits in whole seconds; None for some that cannot be set, as in tests with fractions of a second."""
    try:
        found = [int(seconds) for seconds in (guard.idle_stop, guard.boot_deadline, guard.max_lifetime)]
        exact = found == [guard.idle_stop, guard.boot_deadline, guard.max_lifetime]
        return Limits(*found) if exact else None
    except ValueError:
        return None


def _price(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and 0 <= value <= _DEAREST else None
