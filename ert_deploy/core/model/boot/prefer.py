"""What a launch is to save first: money, or time within the same limits (`launch/prefer`)."""

from __future__ import annotations

from enum import StrEnum


class Prefer(StrEnum):
    """With cost, a boot has limits; with time, it has to be better than the best offer and the other boot."""

    COST = "cost"
    TIME = "time"
