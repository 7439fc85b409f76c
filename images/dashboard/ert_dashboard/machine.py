"""What the operator has told the dashboard about the rented machine: its name, its price, its idle limit.

All of it is optional, and what was not told is None: a page shows it as not known, nobody guesses.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

_LONGEST_NAME = 80


@dataclass(frozen=True)
class Machine:
    """`price` in US dollars per hour while it runs, `idle_stop` in seconds without work (0: never)."""

    gpu: str | None = None
    price: float | None = None
    idle_stop: float | None = None


def read_machine(environ: Mapping[str, str]) -> Machine:
    """`ERT_GPU_NAME`, `ERT_GPU_PRICE_PER_HOUR`, `ERT_IDLE_STOP`; a value that makes no sense counts as not told."""
    name = "".join(char for char in environ.get("ERT_GPU_NAME", "") if char.isprintable()).strip()
    return Machine(
        gpu=name[:_LONGEST_NAME] or None,
        price=amount(environ.get("ERT_GPU_PRICE_PER_HOUR", ""), 1000),
        idle_stop=amount(environ.get("ERT_IDLE_STOP", ""), 30 * 86400),
    )


def amount(raw: object, most: float) -> float | None:
    """A number from 0 to `most`, out of a number or a text; None for anything else."""
    if isinstance(raw, bool) or not isinstance(raw, int | float | str):
        return None
    try:
        value = float(raw)
    except ValueError:
        return None
    return value if math.isfinite(value) and 0 <= value <= most else None
