"""The listening socket: takes connections one by one, so that limits hold before and during the TLS handshake.

uvicorn and asyncio's own server know neither a limit per address nor a short deadline for a handshake. This replaces
only their accepting; what is said on a connection is the protocol's (`protocol`).
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
    """One listening socket. `tls` gives the context for the next connection (None: plain); deadlines in seconds."""

    listener: socket.socket
    lobby: Lobby
    protocol: MakeProtocol
    tls: Callable[[], ssl.SSLContext | None]
    handshake_seconds: float
    arrivals: set[asyncio.Task[None]] = field(default_factory=set)

    def open(self) -> None:
        """Begin to take connections on the running loop."""
        self.listener.setblocking(False)
        asyncio.get_running_loop().add_reader(self.listener, self._take)

    def close(self) -> None:
        """Take no more and end unfinished handshakes; what is connected is the server's to end."""
        with contextlib.suppress(ValueError, OSError):
            asyncio.get_running_loop().remove_reader(self.listener)
        self.listener.close()
        for task in self.arrivals:
            task.cancel()

    async def wait_closed(self) -> None:
        """All handshakes have ended."""
        await asyncio.gather(*self.arrivals, return_exceptions=True)

    def _take(self) -> None:
        """A few at a time: a flood of connections must not keep the loop from those that are let in."""
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
        # asyncio sets this only for sockets that it opened by name; without it an answer waits 40 ms for an ACK.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        task = asyncio.get_running_loop().create_task(self._welcome(connection, guest))
        guest.leave_now = task.cancel  # type: ignore[assignment]
        self.arrivals.add(task)
        task.add_done_callback(lambda ended: self._ended(ended, connection))

    def _ended(self, task: asyncio.Task[None], connection: socket.socket) -> None:
        """A handshake that was called off before it began has no transport that would close the socket."""
        self.arrivals.discard(task)
        if task.cancelled():
            connection.close()

    async def _welcome(self, connection: socket.socket, guest: Guest) -> None:
        """Shake hands and hand over to the protocol, which gives the place back when the connection ends."""
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
