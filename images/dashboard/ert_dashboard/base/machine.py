"""Machine properties that are constant for a rental: GPU, price and idle limit.

The operator can set them in the environment; values from the backend take precedence. A property that neither provides
is None and displayed as unknown.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_LONGEST_NAME = 80
_DEAREST, _LONGEST_IDLE, _FASTEST = 1000, 30 * 86400, 1e6


@dataclass(frozen=True)
class Machine:
    """Properties: `price` in USD per running hour, `idle_stop` in seconds without work (0: never).

    `speed` is the number of provider seconds (billing, idle time) per real second; other than 1 only in a sandbox.
    """

    gpu: str | None = None
    price: float | None = None
    idle_stop: float | None = None
    speed: float = 1.0


NOT_KNOWN = Machine()


def read_machine(environ: Mapping[str, str]) -> Machine:
    """Parse `ERT_GPU_NAME`, `ERT_GPU_PRICE_PER_HOUR` and `ERT_IDLE_STOP`; an invalid value is treated as unset."""
    return Machine(
        gpu=_name(environ.get("ERT_GPU_NAME")),
        price=amount(environ.get("ERT_GPU_PRICE_PER_HOUR", ""), _DEAREST),
        idle_stop=amount(environ.get("ERT_IDLE_STOP", ""), _LONGEST_IDLE),
    )


def read_said(said: Mapping[str, Any], before: Machine) -> Machine:
    """Merge the backend's `/status` (`said`, {} while it sleeps) over the values known `before`."""
    return Machine(
        gpu=_name(said.get("gpu_name")) or before.gpu,
        price=_else(amount(said.get("price_per_hour"), _DEAREST), before.price),
        idle_stop=_else(amount(said.get("idle_stop_seconds"), _LONGEST_IDLE), before.idle_stop),
        speed=amount(said.get("clock_speed"), _FASTEST) or before.speed,
    )


def _name(raw: object) -> str | None:
    text = "".join(char for char in raw if char.isprintable()).strip() if isinstance(raw, str) else ""
    return text[:_LONGEST_NAME] or None


def _else(value: float | None, otherwise: float | None) -> float | None:
    return otherwise if value is None else value


def amount(raw: object, most: float) -> float | None:
    """Convert a number or a string to a float from 0 to `most`; return None for any other value."""
    if isinstance(raw, bool) or not isinstance(raw, int | float | str):
        return None
    try:
        value = float(raw)
    except ValueError:
        return None
    return value if math.isfinite(value) and 0 <= value <= most else None
