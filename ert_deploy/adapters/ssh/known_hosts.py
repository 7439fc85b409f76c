"""Known hosts: stores the SSH host keys of instances in an OpenSSH known_hosts file, mode 0600.

A malformed file is an error, because a skipped line would mean accepting an unknown key again. Another user with access
to the file could replace the keys, so its directory must be private like that of a state file.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from ert_deploy.adapters.private import lock_within, must_be_private, open_private, read_private, reason, to_stderr
from ert_deploy.core.model.errors import UsageError
from ert_deploy.core.model.provider import InstanceId

FIELDS = ("alias", "type", "key")
MOST_BYTES = 1 << 20
PATIENCE = 15.0  # seconds to wait for another run to finish its write


@dataclass(frozen=True, slots=True)
class KnownHosts:
    """The file, with one key per instance."""

    path: Path

    @staticmethod
    def alias(instance: InstanceId) -> str:
        """Return the name of an instance in the file (OpenSSH: HostKeyAlias)."""
        return f"ert-instance-{instance}"

    def find(self, instance: InstanceId) -> tuple[str, str] | None:
        """Return type and base64 of the pinned key of an instance, or None. Raise `UsageError` for an invalid file."""
        try:
            must_be_private(self.path.parent, to_stderr)
            lines = read_private(self.path, MOST_BYTES, to_stderr).decode("ascii").splitlines()
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise self.damaged(reason(error) if isinstance(error, OSError) else "") from error
        rows = [line.split() for line in lines if line.strip() and not line.startswith("#")]
        if any(len(row) != len(FIELDS) for row in rows):
            raise self.damaged()
        return next(((row[1], row[2]) for row in rows if row[0] == self.alias(instance)), None)

    def add(self, instance: InstanceId, kind: str, key: str) -> None:
        """Pin a key and sync it to disk, before anything is sent to the host. Raise `UsageError` when that fails."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            must_be_private(self.path.parent, to_stderr)
            with open_private(self.path) as file:
                if not lock_within(file, PATIENCE):
                    raise UsageError(f"{self.path}: another run has held it for {PATIENCE:.0f} s")
                file.seek(0, os.SEEK_END)
                file.write(f"{self.alias(instance)} {kind} {key}\n".encode("ascii"))
                os.fsync(file.fileno())
        except OSError as error:
            raise UsageError(f"{self.path}: cannot be written: {reason(error)}") from error

    def damaged(self, why: str = "") -> UsageError:
        """Return the error for a file that cannot be used."""
        return UsageError(f"{self.path}: {why or 'not a list of host keys'}", hint="fix or remove it")
