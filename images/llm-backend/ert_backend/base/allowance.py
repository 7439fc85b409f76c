"""Allowance: how many seconds the owner's budget lets this machine run, and how many are used. Standard library only.

What is used is recorded on the disk before it is used, a minute ahead, so that a restart loses a minute of the
allowance and never gains one. The record has one length and is overwritten in place, which succeeds on a full disk.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

SPENT = "spent"
# Made by the app before it listens (`edge.identity`): the machine had an earlier boot.
SERVED = "tls-cert.pem"
LENGTH = 64
MOST_SECONDS, MOST_SERIAL = 10**9, 10**12


@dataclass(frozen=True, slots=True)
class Grant:
    """Money seconds that the machine may run from now on; a later one has a larger `serial`, the first one 0."""

    seconds: int
    serial: int = 0

    def __post_init__(self) -> None:
        """Raise ValueError for anything but whole numbers from 0 on."""
        pairs = (self.seconds, MOST_SECONDS), (self.serial, MOST_SERIAL)
        if not all(type(one) is int and 0 <= one <= most for one, most in pairs):
            raise ValueError("a grant is a whole number of seconds with a serial number")


@dataclass(frozen=True, slots=True)
class Spent:
    """The record on the disk: the grant in force, and how much of it was used at most."""

    grant: Grant
    used: float


@dataclass(frozen=True, slots=True)
class SpentRecord:
    """The record of the instance that was rented with `token`. With `synced` a write waits for the disk."""

    disk: Path
    token: str
    synced: bool = False

    def read(self) -> Spent | None:
        """Return the record; None if there is none on a new disk. Raise OSError if it is not known.

        A machine that has served without a record, or with a damaged one, has nothing left.
        """
        try:
            text = (self.disk / SPENT).read_text(encoding="utf-8")
        except FileNotFoundError:
            text = ""
        except ValueError:
            return Spent(Grant(0), 0.0)
        if not text:  # one that was made on a full disk has no content
            return Spent(Grant(0), 0.0) if (self.disk / SERVED).exists() else None
        try:
            serial, seconds, used, origin = text.split()
            found = Spent(Grant(int(seconds), int(serial)), float(used))
        except ValueError:
            return Spent(Grant(0), 0.0)
        return found if origin == self._origin() else None

    def keep(self, spent: Spent) -> bool:
        """Write the record; False when that fails."""
        words = f"{spent.grant.serial} {spent.grant.seconds} {spent.used:.0f} {self._origin()}"
        path, text = self.disk / SPENT, (words.ljust(LENGTH - 1) + "\n").encode()
        try:
            with path.open("r+b" if path.exists() else "xb", buffering=0) as file:
                whole = file.write(text) == len(text)
                if self.synced:
                    os.fsync(file.fileno())
        except OSError:
            return False
        return whole

    def _origin(self) -> str:
        return hashlib.sha256(f"spent:{self.token}".encode()).hexdigest()[:16]
