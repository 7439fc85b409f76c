"""Ledger in a shared store: one object in S3 or PostgreSQL, written only if it is still the one that was read."""

from __future__ import annotations

import secrets
from dataclasses import replace

from ert_deploy.adapters.state.ledger_document import decode, encode
from ert_deploy.adapters.state.objects import NoAnswer, Objects, Unmet
from ert_deploy.core.ledger.model import Ledger
from ert_deploy.core.model.errors import Failed, StateConflict


class LedgerObject:
    """Ledger of one deployment, stored under `key`."""

    def __init__(self, objects: Objects, key: str, deployment: str) -> None:
        self._where = objects.where(key)
        self._objects, self._key, self._deployment = objects, key, deployment
        self._read: tuple[int, str | None] = -1, None

    @property
    def where(self) -> str:
        """The location of the object."""
        return self._where

    def load(self) -> Ledger:
        """Return the stored ledger, or an empty one. Raise `Damaged`, `UsageError` or `CannotObserve`."""
        found = self._objects.get(self._key)
        ledger = Ledger(self._deployment) if found is None else decode(found.body, self._where, self._deployment)
        self._read = ledger.generation, found.etag if found is not None else None
        return ledger

    def save(self, ledger: Ledger) -> Ledger:
        """Save the ledger with the next `generation`.

        Raises `StateConflict` when the stored one is another, `Failed` when it is not known to be saved: each change is
        idempotent, so that it may be made again.
        """
        if self._read[0] != ledger.generation:
            self.load()
        stored, etag = self._read
        if stored != ledger.generation:
            raise StateConflict(f"{self._where} is at generation {stored}, we read {ledger.generation}")
        written = replace(ledger, generation=ledger.generation + 1)
        try:
            etag = self._objects.put(self._key, encode(written), etag, secrets.token_hex(16))
        except Unmet:
            self._read = -1, None
            raise StateConflict(f"{self._where} was written by another run") from None
        except NoAnswer as error:
            self._read = -1, None
            raise Failed(f"{self._where}: cannot be written", str(error)) from None
        self._read = written.generation, etag
        return written
