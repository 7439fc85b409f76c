"""Metadata of a stored state: the owner of the lock and the retained versions."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LockHolder:
    """Owner of a lock: `user@host`, process (0: none, taken manually) and run; in Unix seconds."""

    who: str
    pid: int
    run: str
    since: float
    expires: float | None = None


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """One version of a stored state: id or path, time of creation (Unix time), size in bytes, and kind."""

    id: str
    at: float
    size: int
    kind: str
