"""Limits of the off-switch that the owner set while the machine runs, kept on its disk. Standard library only.

The environment has those that the machine was created with. A later set takes their place until the next one, also
after a restart; a file that is damaged or of another rental is ignored, so that the environment holds.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from ert_backend.base.atomic_file import keep_file

FILE, FORMAT = "limits.json", 1
MOST = 30 * 86400  # seconds of any limit


@dataclass(frozen=True, slots=True)
class Limits:
    """Whole money seconds; 0 disables a limit, except both of the two that stop a machine in use."""

    idle_stop: int
    boot_deadline: int
    max_lifetime: int

    def __post_init__(self) -> None:
        """Raise ValueError for limits with which the machine might never stop by itself."""
        given = (self.idle_stop, self.boot_deadline, self.max_lifetime)
        if not all(type(seconds) is int and 0 <= seconds <= MOST for seconds in given):
            raise ValueError(f"a limit is a whole number of seconds up to {MOST}")
        if not (self.idle_stop or self.max_lifetime):
            raise ValueError("idle_stop and max_lifetime are both 0")

    def said(self) -> str:
        """Return them as text for a log."""
        return f"idle {self.idle_stop} s, unclaimed {self.boot_deadline} s, lifetime {self.max_lifetime} s"


def keep_limits(folder: Path, token: str, limits: Limits) -> None:
    """Store the limits; raise OSError when the disk fails."""
    content = {"format": FORMAT, "origin": _origin(token), "limits": asdict(limits)}
    keep_file(folder / FILE, json.dumps(content).encode())


def kept_limits(folder: Path, token: str) -> Limits | None:
    """Return the stored limits of this rental; None when there are none or they cannot be used."""
    try:
        content = json.loads((folder / FILE).read_bytes())
        if content["origin"] != _origin(token):
            return None
        return Limits(**content["limits"])
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _origin(token: str) -> str:
    return hashlib.sha256(f"limits:{token}".encode()).hexdigest()
