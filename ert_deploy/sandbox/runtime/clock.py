"""World time: provider minutes that pass in seconds.

`speed` is how many world seconds pass in one real second. Everything the simulated providers bill or schedule is
counted in world seconds; work that is really done here (a model writing text) takes the time it takes.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class WorldClock:
    """Wall-anchored, so that every process given the same three numbers reads the same time."""

    speed: float = 1.0
    epoch_wall: float = field(default_factory=time.time)
    epoch_world: float = field(default_factory=time.time)

    def now(self) -> float:
        """World time as Unix seconds."""
        return self.epoch_world + (time.time() - self.epoch_wall) * self.speed

    def steady(self) -> float:
        """World seconds since anywhere, whatever is done to the clock on the wall."""
        return time.monotonic() * self.speed

    def real_seconds(self, world_seconds: float) -> float:
        """How long `world_seconds` last here, in real seconds."""
        return world_seconds / self.speed

    def sleep(self, world_seconds: float) -> None:
        """Let `world_seconds` pass."""
        time.sleep(max(0.0, self.real_seconds(world_seconds)))

    def wait(self, event: threading.Event, world_seconds: float) -> bool:
        """Let `world_seconds` pass or return True as soon as `event` is set."""
        return event.wait(max(0.0, self.real_seconds(world_seconds)))


def rfc3339(unix_seconds: float) -> str:
    """`2026-01-02T03:04:05.678901Z`, as Render writes times."""
    return datetime.fromtimestamp(unix_seconds, UTC).isoformat().replace("+00:00", "Z")
