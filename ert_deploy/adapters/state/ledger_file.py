"""Ledger file: a local file beside that of the state, replaced atomically under a file lock."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ert_deploy.adapters.private import (
    Notice,
    keep_out_of_git,
    lock_within,
    make_folder,
    must_be_private,
    open_private,
    read_private,
    reason,
    replace_durably,
    sync_folder,
    to_stderr,
)
from ert_deploy.adapters.state.document import MAX_BYTES
from ert_deploy.adapters.state.ledger_document import decode, encode
from ert_deploy.core.ledger.model import Ledger
from ert_deploy.core.model.errors import Failed, StateConflict, UsageError

WRITE_SECONDS = 5.0  # real time; saving takes much less


class LedgerFile:
    """Ledger of one deployment at `path`; its directory is created if needed, mode 0700. `sync` is `os.fsync`."""

    def __init__(
        self, path: Path, deployment: str, sync: Callable[[int], None] = os.fsync, *, notice: Notice = to_stderr
    ) -> None:
        self.path = Path(os.path.realpath(path)) if path.is_symlink() else path
        self._where = str(path)
        self._deployment, self._sync, self._notice = deployment, sync, notice

    @property
    def where(self) -> str:
        """The path as text."""
        return self._where

    def load(self) -> Ledger:
        """Return the stored ledger, or an empty one without a file. Raise `Damaged` or `UsageError`."""
        try:
            must_be_private(self.path.parent, self._notice)
            raw = read_private(self.path, MAX_BYTES + 1, self._notice)
        except FileNotFoundError:
            return Ledger(self._deployment)
        except OSError as error:
            raise UsageError(f"{self._where}: cannot be read: {reason(error)}") from error
        return decode(raw, self._where, self._deployment)

    def save(self, ledger: Ledger) -> Ledger:
        """Save the ledger durably with the next `generation`.

        Raises `StateConflict` when the stored one is another, `Failed` when it cannot be stored.
        """
        written = replace(ledger, generation=ledger.generation + 1)
        folder = self.path.parent
        try:
            make_folder(folder, self._sync_folder)
            must_be_private(folder, self._notice)
            keep_out_of_git(folder)
            with open_private(self.path.with_name(f"{self.path.name}.cas")) as lock:
                if not lock_within(lock, WRITE_SECONDS):
                    raise Failed(f"{self._where}: another process is writing it")
                stored = self.load().generation
                if stored != ledger.generation:
                    raise StateConflict(f"{self._where} is at generation {stored}, we read {ledger.generation}")
                replace_durably(self.path, encode(written), self._sync)
        except OSError as error:
            raise Failed(f"{self._where}: cannot be written: {reason(error)}") from error
        return written

    def _sync_folder(self, path: Path) -> None:
        sync_folder(path, self._sync)
