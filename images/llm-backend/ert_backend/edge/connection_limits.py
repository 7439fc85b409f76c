"""Connection limiter: caps open sockets per address and in total, from the first packet on. No I/O of its own.

A connection is untrusted until one of its requests has used a valid key. At a limit, the oldest untrusted connection is
closed in favour of the new one: half-open connections cost an attacker, not the holder of a key, even if both share one
address. Only trusted connections can hold all places permanently.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


def _nothing() -> None:
    """Do nothing, as long as there is no transport to close."""


@dataclass(slots=True, eq=False)
class Guest:
    """One connection. `leave_now` closes it at once, in any state."""

    address: str
    leave_now: Callable[[], None] = _nothing
    trusted: bool = False
    inside: bool = True


class Lobby:
    """Counts connections: at most `per_address` for one address and `total` in all."""

    def __init__(self, per_address: int, total: int) -> None:
        self.per_address, self.total = per_address, total
        self.counts: dict[str, int] = {}
        self.strangers: dict[str, dict[Guest, None]] = {}
        self.inside = self.evicted = self.refused = self.garbled = 0

    @property
    def trusted(self) -> int:
        """Return the number of connections that have used a valid key."""
        return self.inside - sum(map(len, self.strangers.values()))

    def enter(self, address: str) -> Guest | None:
        """Register a connection from `address`; None when all places are taken by trusted ones."""
        if not self._room(address):
            self.refused += 1
            return None
        guest = Guest(address)
        self.inside += 1
        self.counts[address] = self.counts.get(address, 0) + 1
        self.strangers.setdefault(address, {})[guest] = None
        return guest

    def trust(self, guest: Guest) -> None:
        """Mark a connection that has used a valid key."""
        if guest.inside and not guest.trusted:
            guest.trusted = True
            self._no_stranger(guest)

    def leave(self, guest: Guest) -> None:
        """Remove a closed connection. May be called twice."""
        if not guest.inside:
            return
        guest.inside = False
        self.inside -= 1
        self.counts[guest.address] -= 1
        if not self.counts[guest.address]:
            del self.counts[guest.address]
        self._no_stranger(guest)

    def _room(self, address: str) -> bool:
        if self.counts.get(address, 0) >= self.per_address:
            return self._evict(address)
        if self.inside >= self.total:
            crowded = max(self.strangers, key=lambda name: len(self.strangers[name]), default=None)
            return crowded is not None and self._evict(crowded)
        return True

    def _evict(self, address: str) -> bool:
        oldest = next(iter(self.strangers.get(address, ())), None)
        if oldest is None:
            return False
        self.evicted += 1
        self.leave(oldest)
        oldest.leave_now()
        return True

    def _no_stranger(self, guest: Guest) -> None:
        waiting = self.strangers.get(guest.address, {})
        waiting.pop(guest, None)
        if not waiting:
            self.strangers.pop(guest.address, None)
