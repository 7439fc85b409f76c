"""What a run came to, as plain data: what `--json` prints and the views show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to, as plain data. It holds no secret."""

    deployment: str
    phase: str
    changed: bool
    backends: tuple[dict[str, Any], ...] = ()
    services: tuple[dict[str, Any], ...] = ()
    suspects: tuple[int, ...] = ()
    abandoned: tuple[tuple[str, str], ...] = ()
    idle_stop: int = 0

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "deployment": self.deployment,
            "phase": self.phase,
            "changed": self.changed,
            "backends": list(self.backends),
            "services": list(self.services),
            "suspects": list(self.suspects),
            "not_updated": [{"service": target, "why": why} for target, why in self.abandoned],
        }
