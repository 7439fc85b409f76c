"""Loose durations: what `1500ms`, `5 min` or `1h30m` means, to suggest the format of a config."""

from __future__ import annotations

import re
from itertools import pairwise

_UNITS = {
    "ms": 0.001, "msec": 0.001, "millisecond": 0.001, "s": 1, "sec": 1, "second": 1, "m": 60, "min": 60, "minute": 60,
    "h": 3600, "hr": 3600, "hour": 3600, "d": 86400, "day": 86400, "w": 604800, "week": 604800,
}  # fmt: skip
_PART = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*([a-z]+)\s*")


def loosely(text: str) -> float:
    """Return the seconds that the text means; 0 if that is not clear."""
    text = text.strip().lower()
    parts = [(float(amount), _size(unit)) for amount, unit in _PART.findall(text)]
    clear = all(size for _, size in parts) and all(one[1] > other[1] for one, other in pairwise(parts))
    return round(sum(amount * size for amount, size in parts), 3) if clear and not _PART.sub("", text) else 0.0


def _size(unit: str) -> float:
    """Return the seconds of a unit, in the singular or the plural; 0 for one that is not known."""
    return _UNITS.get(unit) or _UNITS.get(unit.removesuffix("s"), 0)
