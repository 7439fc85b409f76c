"""Sandbox clock: runs faster than real time, so that minutes at a provider pass in seconds.

`speed` is the number of sandbox seconds per real second. The providers use sandbox time for their bills and schedules;
actual work, such as a model generating text, takes real time.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

# Within the seven days that Vast's command line requests by default.
LEAD = 5 * 86400.0


@dataclass(frozen=True, slots=True)
class WorldClock:
    """A clock based on wall time, so that every process with the same three values reads the same time."""

    speed: float = 1.0
    epoch_wall: float = field(default_factory=time.time)
    epoch_world: float = field(default_factory=time.time)
    zone = "sandbox time"  # how a date of it is marked

    @classmethod
    def behind(cls, speed: float) -> WorldClock:
        """Return a clock that starts `LEAD` seconds ago if it is faster than real time, else now.

        Clients with a clock of their own, such as the official ones, compute ages from the provider's dates: a clock
        that has overtaken theirs makes them negative. At speed 20 that takes more than six hours.
        """
        wall = time.time()
        return cls(speed, wall, wall - LEAD if speed > 1 else wall)

    def now(self) -> float:
        """Return the current time as Unix seconds."""
        return self.epoch_world + (time.time() - self.epoch_wall) * self.speed

    def steady(self) -> float:
        """Return monotonic seconds, not affected by changes to the system clock."""
        return time.monotonic() * self.speed

    def real_seconds(self, world_seconds: float) -> float:
        """Convert a duration to real seconds."""
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
