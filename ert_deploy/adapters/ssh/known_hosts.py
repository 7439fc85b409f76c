"""The host keys of instances that were seen before, in a file of OpenSSH's form, mode 0600.

Strict: a file that cannot be understood is an error, because to overlook a line would be to trust anybody once more.
"""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path

from ert_deploy.core.model.errors import UsageError

FIELDS = ("alias", "type", "key")


@dataclass(frozen=True, slots=True)
class KnownHosts:
    """One key for each instance."""

    path: Path

    @staticmethod
    def alias(instance: int) -> str:
        """The name an instance has in the file (OpenSSH: HostKeyAlias)."""
        return f"ert-instance-{instance}"

    def find(self, instance: int) -> tuple[str, str] | None:
        """Type and base64 of the key that is pinned for an instance. UsageError when the file is no good."""
        try:
            lines = self.path.read_text("ascii").splitlines()
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise self.damaged() from error
        rows = [line.split() for line in lines if line.strip() and not line.startswith("#")]
        if any(len(row) != len(FIELDS) for row in rows):
            raise self.damaged()
        return next(((row[1], row[2]) for row in rows if row[0] == self.alias(instance)), None)

    def add(self, instance: int, kind: str, key: str) -> None:
        """Pin a key; on the disk before anything is said to its owner."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                os.fchmod(file.fileno(), 0o600)
                file.write(f"{self.alias(instance)} {kind} {key}\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise UsageError(f"{self.path}: cannot be written: {error.strerror}") from error

    def damaged(self) -> UsageError:
        """What to raise when the file cannot be used."""
        return UsageError(f"{self.path}: not a list of host keys", hint="mend or remove it")
