"""What a run came to, as plain data: what `--json` prints and the views show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ert_deploy.core.model.errors import NeedsAttention


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
    left: NeedsAttention | None = None

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "deployment": self.deployment,
            "phase": self.phase,
            "changed": self.changed,
            "backends": list(self.backends),
            "services": list(self.services),
            "suspects": list(self.suspects),
            "attention": self.left.summary if self.left is not None else "",
            "not_updated": [{"service": target, "why": why} for target, why in self.abandoned],
        }
