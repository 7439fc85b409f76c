"""TCP listener: accepts connections one by one, so that limits apply before and during the TLS handshake.

uvicorn's and asyncio's own servers support neither a limit per address nor a short handshake timeout. This module
replaces only their accept loop; the established connection is handled by `protocol`.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ert_backend.base.token_bucket import neighbourhood
from ert_backend.edge.connection_limits import Guest, Lobby

BATCH = 16
BREATH = 0.5
SHUTDOWN_SECONDS = 2.0
OUT_OF_PLACES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})

MakeProtocol = Callable[[Guest], asyncio.Protocol]


@dataclass(slots=True)
class Threshold:
    """One listening socket. `tls` returns the context of the next connection (None: plain text); times in seconds."""

    listener: socket.socket
    lobby: Lobby
    protocol: MakeProtocol
    tls: Callable[[], ssl.SSLContext | None]
    handshake_seconds: float
    arrivals: set[asyncio.Task[None]] = field(default_factory=set)

    def open(self) -> None:
        """Start to accept connections on the running loop."""
        self.listener.setblocking(False)
        asyncio.get_running_loop().add_reader(self.listener, self._take)

    def close(self) -> None:
        """Stop accepting and cancel pending handshakes; the server closes the established connections."""
        with contextlib.suppress(ValueError, OSError):
            asyncio.get_running_loop().remove_reader(self.listener)
        self.listener.close()
        for task in self.arrivals:
            task.cancel()

    async def wait_closed(self) -> None:
        """Wait until all pending handshakes are complete."""
        await asyncio.gather(*self.arrivals, return_exceptions=True)

    def _take(self) -> None:
        """Accept a limited batch: a flood of connections must not block the loop for the established ones."""
        for _ in range(BATCH):
            try:
                connection, address = self.listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno in OUT_OF_PLACES:
                    self._pause()
                return
            self._greet(connection, address)

    def _greet(self, connection: socket.socket, address: Any) -> None:
        guest = self.lobby.enter(neighbourhood(str(address[0])))
        if guest is None:
            connection.close()
            return
        connection.setblocking(False)
        # asyncio sets this only on sockets that it opened itself; without it a response may wait 40 ms for an ACK.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        task = asyncio.get_running_loop().create_task(self._welcome(connection, guest))
        guest.leave_now = task.cancel  # type: ignore[assignment]
        self.arrivals.add(task)
        task.add_done_callback(lambda ended: self._ended(ended, connection))

    def _ended(self, task: asyncio.Task[None], connection: socket.socket) -> None:
        """Close the socket of a handshake that was cancelled before it had a transport."""
        self.arrivals.discard(task)
        if task.cancelled():
            connection.close()

    async def _welcome(self, connection: socket.socket, guest: Guest) -> None:
        """Do the TLS handshake and start the protocol, which frees the place when the connection ends."""
        context = self.tls()
        limits: dict[str, Any] = {}
        if context is not None:
            limits = {
                "ssl": context,
                "ssl_handshake_timeout": self.handshake_seconds,
                "ssl_shutdown_timeout": SHUTDOWN_SECONDS,
            }
        loop = asyncio.get_running_loop()
        try:
            await loop.connect_accepted_socket(lambda: self.protocol(guest), connection, **limits)
        except OSError:
            self.lobby.leave(guest)
        except asyncio.CancelledError:
            self.lobby.leave(guest)
            raise

    def _pause(self) -> None:
        loop = asyncio.get_running_loop()
        loop.remove_reader(self.listener)
        loop.call_later(BREATH, self._resume)

    def _resume(self) -> None:
        if self.listener.fileno() >= 0:
            asyncio.get_running_loop().add_reader(self.listener, self._take)
