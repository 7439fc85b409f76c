"""Knobs of the market: how often people met what, and where that is known from.

| knob | as met | source |
|---|---|---|
| `renumbered` | 0.41 | offers with another id after 6 h: brandonros/vastai-scraper, docs/analysis.md (268 machines) |
| `taken` | 0.83 | a machine is on the market in 17 % of the snapshots (median): the same |
| `taken_after` | 2 h | assumed: no public rate; one GPU was taken when it was wanted again (pollinations#14985) |
| `gone` | `{}` `[]` 404 null | reads by id after a destroy: the SDK (null), dstack (404), field reports (the others) |
| `gone_for` | 30 s | assumed; afterwards the response is that of `Options.gone_shape` |
| `slow` | 0.1 | hosts that deliver 0.03 of the advertised speed; the 0.03 is known, the share is assumed |
| `arm64` | 0.04 | further hosts with arm64; that they are on offer is known, the share is assumed |

The 0.03: a "1,336 Mbps" host gave 5 to 11 MB/s (klutzydrummer/vastai-llmapi-orchestrator). A market always has a few
slow and arm64 hosts (`market.py`), but none among the cheapest sensible ones; these two knobs hit any.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

HOUR = 3600.0
WINDOW = 6 * HOUR
Gone = Literal["null", "{}", "[]", "404"]


@dataclass(frozen=True, slots=True)
class Knobs:
    """Shares from 0 to 1, times in `WorldClock` seconds. By default nothing changes by itself.

    Raises `ValueError` for a share outside 0 to 1, a time of 0 or less, or an unknown response in `gone`.
    """

    renumbered: float = 0.0
    taken: float = 0.0
    taken_after: float = 2 * HOUR  # F56
    gone: tuple[Gone, ...] = ()
    gone_for: float = 30.0  # F57
    slow: float = 0.0  # F28
    arm64: float = 0.0  # F27

    def __post_init__(self) -> None:
        for name in ("renumbered", "taken", "slow", "arm64"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 0 and less than 1")
        for name in ("taken_after", "gone_for"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be more than 0 seconds")
        if unknown := sorted(set(self.gone) - {"null", "{}", "[]", "404"}):
            raise ValueError(f"gone has unknown answers: {', '.join(unknown)}")


AS_MET = Knobs(renumbered=0.41, taken=0.83, gone=("{}", "[]", "404", "null"), slow=0.1, arm64=0.04)
