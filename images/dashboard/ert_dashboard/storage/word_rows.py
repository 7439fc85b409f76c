"""Rows of the last messages of guards, one for each machine: the interface of both stores. No I/O."""

from __future__ import annotations

from typing import Protocol

MOST_MACHINES = 64


class WordRows(Protocol):
    """The last message of the guard of each machine, by the SHA-256 of its certificate; of the last `MOST_MACHINES`."""

    def keep(self, machine: str, at: float, text: str, received: float) -> bool:
        """Store a message of time `at`, unless one of that time or a later one was stored; return whether it was."""
        ...

    def find(self, machine: str) -> str | None:
        """Return the last message of a machine; None if there is none, or it was overridden."""
        ...

    def override(self, machine: str, before: float) -> None:
        """Take a message that was received before this Unix time out of use. It can still not be repeated."""
        ...
