"""Claim record: whether this instance ever served its owner, kept on its disk across boots. Standard library only.

The record is created at its full length before the app listens, and a claim overwrites it in place, so that it succeeds
on a full disk. A machine is destroyed only when it is certain that it was never claimed: that requires that there is
neither a record nor the certificate without which no request can be served. A machine whose record is empty or
unreadable may have been claimed.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

CLAIMED = "claimed"
# Created by the app before it listens (`edge.identity`).
SERVED = "tls-cert.pem"
LENGTH = 64
_OPEN = "open"


class Before(StrEnum):
    """The certainty about the boots before this one."""

    NEVER = "never claimed"
    UNKNOWN = "not known"
    CLAIMED = "claimed"


@dataclass(frozen=True, slots=True)
class Claim:
    """The record of the instance that was rented with `token`. With `synced` a write waits for the disk."""

    disk: Path
    token: str
    synced: bool = False

    def before(self) -> Before:
        """Return the state of the record; to be called before the app starts for the first time."""
        claimed = self.claimed()
        if claimed:
            return Before.CLAIMED
        try:
            served = any((self.disk / name).exists() for name in (CLAIMED, SERVED))
        except OSError:
            served = True
        return Before.UNKNOWN if claimed is None or served else Before.NEVER

    def claimed(self) -> bool | None:
        """Whether the record is a claim; None when it cannot be read."""
        try:
            text = (self.disk / CLAIMED).read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return False
        except (OSError, ValueError):
            return None
        # An older release wrote only the token.
        return bool(self.token) and text in (self.token, self._text(CLAIMED).strip())

    def prepare(self) -> bool:
        """Reserve space for a claim; False when the write fails."""
        return self._written(_OPEN)

    def keep(self) -> bool:
        """Write the claim; False when the write fails."""
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
