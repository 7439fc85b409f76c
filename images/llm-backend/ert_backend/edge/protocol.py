"""HTTP/1.1 protocol: uvicorn's, with timeouts for a request head, a client that does not read, and an idle one.

Without them any client that can reach the port could hold a silent or slow connection open indefinitely.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from ert_backend.edge.connection_limits import Guest, Lobby

STATE_GUEST, STATE_IDENTITY = "ert_guest", "ert_identity"


@dataclass(frozen=True, slots=True)
class Patience:
    """Timeouts of a connection, in real seconds; `stranger_idle` is for one that has not used a valid key."""

    head: float = 10.0
    reading: float = 30.0
    stranger_idle: float = 10.0


class PatientProtocol(H11Protocol):
    """One connection. Each request head has a timeout, from the start of the connection or from its first byte."""

    patience = Patience()
    lobby: Lobby
    guest: Guest
    head_timer: asyncio.TimerHandle | None = None
    write_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Start the timer with the connection (the TLS handshake before it has its own timeout)."""
        self.guest = self.app_state[STATE_GUEST]
        self.guest.leave_now = transport.abort
        super().connection_made(transport)
        if not self.guest.inside:
            transport.abort()
        self._arm()

    def data_received(self, data: bytes) -> None:
        """Stop the timer when the head is complete; `edge.middleware` has its own deadline for the body."""
        super().data_received(data)
        if self.conn.their_state is h11.IDLE:
            self._arm()
        else:
            self._disarm()

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the timers with the connection."""
        self._disarm()
        self._stop_writing_timer()
        self.lobby.leave(self.guest)
        super().connection_lost(exc)
        self._unset_keepalive_if_required()

    def on_response_complete(self) -> None:
        """Close the connection if the body was not read: it could arrive slowly and without end."""
        if self.conn.their_state is h11.SEND_BODY:
            self.transport.close()
        if not self.guest.trusted:
            self.timeout_keep_alive = min(self.timeout_keep_alive, self.patience.stranger_idle)  # type: ignore[assignment]
        else:
            self.timeout_keep_alive = self.config.timeout_keep_alive
        super().on_response_complete()

    def pause_writing(self) -> None:
        """Start a timer, because the peer does not read."""
        super().pause_writing()
        self._stop_writing_timer()
        self.write_timer = self.loop.call_later(self.patience.reading, self.transport.abort)

    def resume_writing(self) -> None:
        """Stop the timer, because the peer reads again."""
        self._stop_writing_timer()
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Reply with 400, or close the connection if a response has already started."""
        self._disarm()
        self.lobby.garbled += 1
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if self.conn.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            super().send_400_response(msg)
        else:
            self.transport.abort()

    def _arm(self) -> None:
        if self.head_timer is None and not self.transport.is_closing():
            self.head_timer = self.loop.call_later(self.patience.head, self._give_up)

    def _disarm(self) -> None:
        if self.head_timer is not None:
            self.head_timer.cancel()
            self.head_timer = None

    def _stop_writing_timer(self) -> None:
        if self.write_timer is not None:
            self.write_timer.cancel()
            self.write_timer = None

    def _give_up(self) -> None:
        if not self.transport.is_closing():
            self.transport.abort()


def patient(patience: Patience, lobby: Lobby) -> type[H11Protocol]:
    """Return the protocol class with these timeouts, counted in `lobby`."""
    return type("PatientProtocol", (PatientProtocol,), {"patience": patience, "lobby": lobby})
