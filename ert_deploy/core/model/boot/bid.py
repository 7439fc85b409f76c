"""Bid for an interruptible machine that follows the market: a margin on the lowest one, and a cap with the disk."""

from __future__ import annotations

import math

BID_STEPS = 10_000  # bids in a $/h: they are rounded down to a hundredth of a cent


def market_bid(lowest: float | None, total: float, margin: float, cap: float) -> float | None:
    """Return the bid in $/h for an offer that costs `total` at the `lowest` bid, disk included; None if unknown.

    It is never below the lowest one: then bid and disk exceed the cap, and the offer is rejected for its price.
    """
    if lowest is None or not math.isfinite(lowest + total):
        return None
    room = cap - (total - lowest)
    return max(lowest, math.floor(min(lowest * (1 + margin), room) * BID_STEPS) / BID_STEPS)
