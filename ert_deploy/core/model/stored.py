"""What is known of a stored state besides the state itself: who holds its lock, and which versions are kept."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LockHolder:
    """Who holds a lock: `user@host`, its process (0: none, it was asked for by hand) and run, in Unix seconds."""

    who: str
    pid: int
    run: str
    since: float
    expires: float | None = None


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """One version of a stored state: its id or place, when it was written (Unix seconds), bytes, and what it is."""

    id: str
    at: float
    size: int
    kind: str
