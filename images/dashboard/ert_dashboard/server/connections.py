"""Connection limits: ends a connection whose request has not arrived in time, and bounds how many may wait for one.

uvicorn parses HTTP and has a limit for the pause between two requests only. A client that sends half a head, or half a
body, would keep its connection for as long as it likes.
"""

from __future__ import annotations

import asyncio
import logging
import resource
import socket
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

_LOG = logging.getLogger(__name__)
_MOST_WAITING = 2000
_OTHER_FILES = 256  # of the process: database, backend, open pages of a small dashboard
_MOST_FILES = 8192


@dataclass(frozen=True)
class Deadlines:
    """Seconds for the head and for the body of a request, and for a client that reads nothing of its response."""

    head_s: float = 10.0
    body_s: float = 20.0
    unread_s: float = 60.0


@dataclass
class Waiting:
    """Connections whose request has not arrived in full, oldest first; beyond `most` the oldest is closed."""

    most: int
    _since: OrderedDict[DeadlineProtocol, None] = field(default_factory=OrderedDict)

    def add(self, connection: DeadlineProtocol) -> None:
        self._since[connection] = None
        if len(self._since) > self.most:
            oldest, _ = self._since.popitem(last=False)
            oldest.cut_off()

    def cut_off_all(self) -> None:
        """Close all of them: a server that stops waits for none."""
        for connection in list(self._since):
            connection.cut_off()

    def discard(self, connection: DeadlineProtocol) -> None:
        self._since.pop(connection, None)


class DeadlineProtocol(H11Protocol):
    """HTTP/1.1 connection of uvicorn with the limits that `protocol_of` sets."""

    deadlines: Deadlines
    waiting: Waiting
    _timer: asyncio.TimerHandle | None = None
    _part = ""
    _upgraded = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        _set_unread_limit(transport, self.deadlines.unread_s)
        self._wait_for("head", self.deadlines.head_s)

    def connection_lost(self, exc: Exception | None) -> None:
        self._arrived()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        super().handle_events()
        # To the parser, the request of an upgrade has a body that never comes.
        if self._upgraded or self.transport.is_closing():
            self._arrived()
        elif self.conn.their_state is h11.IDLE:
            self._wait_for("head", self.deadlines.head_s)
        elif self.conn.their_state is h11.SEND_BODY:
            self._wait_for("body", self.deadlines.body_s)
        else:
            self._arrived()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        self._upgraded = True
        self._arrived()
        super().handle_websocket_upgrade(event)

    def cut_off(self) -> None:
        """Close the connection at once; what was sent of a request is forgotten."""
        self._arrived()
        self.transport.abort()

    def _wait_for(self, part: str, seconds: float) -> None:
        if self._part == part:
            return
        self._arrived()
        self._part = part
        self._timer = self.loop.call_later(seconds, self.cut_off)
        self.waiting.add(self)

    def _arrived(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._part = ""
        self.waiting.discard(self)


def protocol_of(deadlines: Deadlines, most_waiting: int) -> type[DeadlineProtocol]:
    """Return a class of connections with these limits, as uvicorn's option `http` takes it."""

    class Bounded(DeadlineProtocol):
        waiting = Waiting(most_waiting)

    Bounded.deadlines = deadlines
    return Bounded


def raise_file_limit() -> int:
    """Let this process open as many files as it may; return how many connections may wait for their request."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    return max(64, min(_MOST_WAITING, (soft - _OTHER_FILES) // 2))


def _set_unread_limit(transport: Any, seconds: float) -> None:
    """Have the kernel end a connection whose client takes nothing for so long; a pending response keeps no memory."""
    found = transport.get_extra_info("socket")
    if found is not None and hasattr(socket, "TCP_USER_TIMEOUT"):
        found.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(seconds * 1000))
