"""What a run came to, as plain data: what `--json` prints and the views show."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ert_deploy.core.model.errors import NeedsAttention


def attention(undecided: Iterable[tuple[int, str]], others: Iterable[int]) -> dict[str, Any]:
    """What `--json` says about instances that are not clearly ours, the same for every command."""
    known = tuple(undecided)
    return {
        "suspects": [number for number, _ in known],
        "attention": [{"instance": number, "why": why} for number, why in known],
        "others": list(others),
    }


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to, as plain data. It holds no secret.

    `undecided` are the instances that a person has to decide about, each with the reason; `others` are another owner's.
    `unknown_until`: Unix seconds until which a create may still show itself that no state knows; 0 when none may.
    """

    deployment: str
    phase: str
    changed: bool
    backends: tuple[dict[str, Any], ...] = ()
    services: tuple[dict[str, Any], ...] = ()
    undecided: tuple[tuple[int, str], ...] = ()
    others: tuple[int, ...] = ()
    abandoned: tuple[tuple[str, str], ...] = ()
    idle_stop: int = 0
    left: NeedsAttention | None = None
    unknown_until: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "deployment": self.deployment,
            "phase": self.phase,
            "changed": self.changed,
            "backends": list(self.backends),
            "services": list(self.services),
            **attention(self.undecided, self.others),
            "misfit": self.left.summary if self.left is not None else "",
            "may_appear_until": round(self.unknown_until) or None,
            "not_updated": [{"service": target, "why": why} for target, why in self.abandoned],
        }
