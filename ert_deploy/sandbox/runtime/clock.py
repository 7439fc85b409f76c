"""Sandbox clock: runs faster than real time, so that minutes at a provider pass in seconds.

`speed` is the number of sandbox seconds per real second. All billing and scheduling of the providers uses sandbox time;
actual work, such as a model generating text, takes real time.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class WorldClock:
    """A clock based on wall time, so that all processes with the same three values read the same time."""

    speed: float = 1.0
    epoch_wall: float = field(default_factory=time.time)
    epoch_world: float = field(default_factory=time.time)

    def now(self) -> float:
        """Return the sandbox time as Unix seconds."""
        return self.epoch_world + (time.time() - self.epoch_wall) * self.speed

    def steady(self) -> float:
        """Return monotonic sandbox seconds, independent of changes to the system clock."""
        return time.monotonic() * self.speed

    def real_seconds(self, world_seconds: float) -> float:
        """Convert sandbox seconds to real seconds."""
        return world_seconds / self.speed

    def sleep(self, world_seconds: float) -> None:
        """Sleep for `world_seconds`."""
        time.sleep(max(0.0, self.real_seconds(world_seconds)))

    def wait(self, event: threading.Event, world_seconds: float) -> bool:
        """Wait for `world_seconds` or until `event` is set; return whether it is set."""
        return event.wait(max(0.0, self.real_seconds(world_seconds)))


def rfc3339(unix_seconds: float) -> str:
    """Return the time in the format of Render: `2026-01-02T03:04:05.678901Z`."""
    return datetime.fromtimestamp(unix_seconds, UTC).isoformat().replace("+00:00", "Z")
