"""Last messages of the guards of all backends: checks those that arrive, and finds that of a backend that is silent."""

from __future__ import annotations

import enum

from ert_dashboard.backend.client import BackendClient
from ert_dashboard.backend.fleet import Fleet
from ert_dashboard.backend.guard_word import (
    FRESH_S,
    GuardWord,
    certificate_of,
    read_word,
    signs,
    stored_word,
)
from ert_dashboard.base.backends import Backend
from ert_dashboard.base.clock import Clock
from ert_dashboard.base.strict_json import load_strictly
from ert_dashboard.storage.word_rows import WordRows


class Taken(enum.Enum):
    """What was made of a message."""

    KEPT = "kept"
    UNSIGNED = "it is not signed with the key of a backend"
    UNREADABLE = "it is no last message of a guard"
    STALE = "it is not of now, or older than the one that is known"


class LastWords:
    """Keeps the last message of each machine in the store, so that all processes have it. Thread-safe."""

    def __init__(self, fleet: Fleet | None, rows: WordRows, clock: Clock) -> None:
        self._clients = () if fleet is None else tuple(lane.client for lane in fleet.lanes)
        self._rows = rows
        self._clock = clock

    def take(self, body: bytes, signed: str) -> Taken:
        """Check a message of at most `guard_word.LARGEST`, and store it.

        It counts only for the machine whose key and certificate it has.
        """
        signers = [one for one in map(_backend, self._clients) if signs(one.key, body, signed)]
        if not signers:
            return Taken.UNSIGNED
        word = _read(body)
        if word is None or word.certificate not in {certificate_of(one.ca_pem) for one in signers}:
            return Taken.UNREADABLE
        now = self._clock.wall()
        fresh = abs(now - word.at) <= FRESH_S
        return Taken.KEPT if fresh and self._rows.keep(word.certificate, word.at, word.text(), now) else Taken.STALE

    def of(self, client: BackendClient) -> GuardWord | None:
        """Return the last message of the guard of this backend, which nothing has overridden yet."""
        text = self._rows.find(certificate_of(client.backend.ca_pem))
        return None if text is None else stored_word(text)

    def lives(self, client: BackendClient, at: float) -> None:
        """Override what was received before this Unix time: the backend accepted work then."""
        machine = certificate_of(client.backend.ca_pem)
        if self._rows.find(machine) is not None:
            self._rows.override(machine, at)


def _backend(client: BackendClient) -> Backend:
    return client.backend


def _read(body: bytes) -> GuardWord | None:
    try:
        found = load_strictly(body)
    except ValueError:
        return None
    return read_word(found) if isinstance(found, dict) else None
