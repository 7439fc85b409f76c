"""Whether this instance ever served its owner: the record on its disk that outlives a boot. Standard library only.

The record is made before anybody can be served, at its full length, and a claim is written over it in place: that takes
no room from a disk that is full by then. A machine is destroyed only when it is certain that nobody ever claimed it,
which is so where there is neither a record nor the certificate without which nobody can be answered. A record that
says nothing, or cannot be read, is of a machine that may have been claimed.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

CLAIMED = "claimed"
# Made by the app before it listens (`edge.identity`).
SERVED = "tls-cert.pem"
LENGTH = 64
_OPEN = "open"


class Before(StrEnum):
    """What is certain about the boots before this one."""

    NEVER = "never claimed"
    UNKNOWN = "not known"
    CLAIMED = "claimed"


@dataclass(frozen=True, slots=True)
class Claim:
    """The record of the instance that was rented with `token`. `synced`: a write waits for the disk."""

    disk: Path
    token: str
    synced: bool = False

    def before(self) -> Before:
        """What the disk says; to be asked before the app is started for the first time."""
        claimed = self.claimed()
        if claimed:
            return Before.CLAIMED
        try:
            served = any((self.disk / name).exists() for name in (CLAIMED, SERVED))
        except OSError:
            served = True
        return Before.UNKNOWN if claimed is None or served else Before.NEVER

    def claimed(self) -> bool | None:
        """Whether the record says that it is claimed; None where it cannot be read."""
        try:
            text = (self.disk / CLAIMED).read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return False
        except (OSError, ValueError):
            return None
        # An older release wrote the token alone.
        return bool(self.token) and text in (self.token, self._text(CLAIMED).strip())

    def prepare(self) -> bool:
        """Make room for a claim; False when the disk does not take it."""
        return self._written(_OPEN)

    def keep(self) -> bool:
        """Write that it is claimed; False when the disk does not take it."""
        return self._written(CLAIMED)

    def _text(self, state: str) -> str:
        return f"{state} {self.token}".ljust(LENGTH - 1)[: LENGTH - 1] + "\n"

    def _written(self, state: str) -> bool:
        path, text = self.disk / CLAIMED, self._text(state).encode()
        try:
            mode = "r+b" if path.exists() else "xb"
            with path.open(mode, buffering=0) as file:
                whole = file.write(text) == len(text)
                if self.synced:
                    os.fsync(file.fileno())
        except OSError:
            return False
        return whole
