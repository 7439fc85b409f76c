"""uvicorn's HTTP/1.1 protocol with one thing it lacks: a request head that does not come in time ends the connection.

Without it a silent or trickling socket is held for ever by anybody who can reach the port.
"""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol


class PatientProtocol(H11Protocol):
    """Gives each request head `head_seconds`, counted from the connection or from its first byte."""

    head_seconds = 10.0
    head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Start the timer with the connection (the TLS handshake before it has its own limit)."""
        super().connection_made(transport)
        self._arm()

    def data_received(self, data: bytes) -> None:
        """Stop the timer when the head is complete; what comes after it has the front door's deadline."""
        super().data_received(data)
        if self.conn.their_state is h11.IDLE:
            self._arm()
        else:
            self._disarm()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timer with the connection."""
        self._disarm()
        super().connection_lost(exc)

    def _arm(self) -> None:
        if self.head_timer is None:
            self.head_timer = self.loop.call_later(self.head_seconds, self._give_up)

    def _disarm(self) -> None:
        if self.head_timer is not None:
            self.head_timer.cancel()
            self.head_timer = None

    def _give_up(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()


def patient(seconds: float) -> type[H11Protocol]:
    """The protocol with its own deadline for a request head, in real seconds."""
    return type("PatientProtocol", (PatientProtocol,), {"head_seconds": seconds})
