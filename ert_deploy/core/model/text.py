"""Text from outside, made safe to print: no control characters, no terminal escapes, no endless lines."""

from __future__ import annotations

import math
import re

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|.)")


def printable(text: object, limit: int = 300) -> str:
    """`text` on one line without escapes or control characters, cut at `limit` characters."""
    safe = (c if c.isprintable() else " " if c.isspace() else "" for c in _ESCAPES.sub("", str(text)))
    kept = " ".join("".join(safe).split())
    return kept if len(kept) <= limit else kept[: limit - 3] + "..."


def per_hour(price: float) -> str:
    """A price in $/h as people read it; one that is not known is said to be so, never shown as a number."""
    return f"${price:.4f}/h" if math.isfinite(price) else "an unknown price per hour"
