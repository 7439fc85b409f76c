"""What is known of the rented machine for as long as it is rented: its card, its price, its idle limit.

The operator may tell it, and the backend does, which counts. What neither told is None: a page shows it as not known,
nobody guesses.
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
    """`price` in US dollars per hour while it runs, `idle_stop` in seconds without work (0: never).

    `speed`: seconds of the provider, who bills and counts idleness, in a real one; other than 1 in a sandbox only.
    """

    gpu: str | None = None
    price: float | None = None
    idle_stop: float | None = None
    speed: float = 1.0


def read_machine(environ: Mapping[str, str]) -> Machine:
    """`ERT_GPU_NAME`, `ERT_GPU_PRICE_PER_HOUR`, `ERT_IDLE_STOP`; a value that makes no sense counts as not told."""
    return Machine(
        gpu=_name(environ.get("ERT_GPU_NAME")),
        price=amount(environ.get("ERT_GPU_PRICE_PER_HOUR", ""), _DEAREST),
        idle_stop=amount(environ.get("ERT_IDLE_STOP", ""), _LONGEST_IDLE),
    )


def read_said(said: Mapping[str, Any], before: Machine) -> Machine:
    """What the backend's `/status` tells (`said`, {} while it sleeps), else what was known `before`."""
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
    """A number from 0 to `most`, out of a number or a text; None for anything else."""
    if isinstance(raw, bool) or not isinstance(raw, int | float | str):
        return None
    try:
        value = float(raw)
    except ValueError:
        return None
    return value if math.isfinite(value) and 0 <= value <= most else None
