"""A way to stop a thread that is waiting on a socket: abort, closing down, or a wall-clock limit.

A read timeout starts anew with every byte, so a trickling stream never meets it. An `Interrupt` shuts the socket in use
instead, and the waiting thread finds out why by `check()`.
"""

from __future__ import annotations

import contextlib
import enum
import socket
import threading
from types import TracebackType
from typing import Any


class Reason(enum.StrEnum):
    """Why the work was interrupted."""

    ABORT = "abort"
    CLOSING = "closing"
    DEADLINE = "deadline"


class Interrupted(Exception):
    """The work was stopped from outside; `reason` says why."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(str(reason))
        self.reason = reason


class Interrupt:
    """One per piece of work. Use as a context manager so that its timer ends with the work."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._event = threading.Event()
        self._reason: Reason | None = None
        self._socket: socket.socket | None = None
        self._timer: threading.Timer | None = None

    def __enter__(self) -> Interrupt:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.limit(None)
        with self._lock:
            self._socket = None

    def limit(self, seconds: float | None) -> None:
        """Interrupt with DEADLINE after `seconds` from now; replaces the limit before, None takes it away."""
        with self._lock:
            old, self._timer = self._timer, None
            if seconds is not None:
                self._timer = threading.Timer(max(0.0, seconds), self.cut, [Reason.DEADLINE])
                self._timer.daemon = True
                self._timer.start()
        if old is not None:
            old.cancel()

    def cut(self, reason: Reason) -> None:
        """Stop the work; the first reason stands."""
        with self._lock:
            if self._reason is None:
                self._reason = reason
            self._event.set()
            _shut(self._socket)

    def check(self) -> None:
        """Raise `Interrupted` if the work was stopped."""
        if self._reason is not None:
            raise Interrupted(self._reason)

    def wait(self, seconds: float) -> None:
        """Sleep, but wake and raise `Interrupted` at once when stopped."""
        self._event.wait(seconds)
        self.check()

    def trace(self, event: str, info: dict[str, Any]) -> None:
        """httpcore's trace hook: learns which socket the request runs on.

        Not before the handshake is over: a socket that is shut while it is being wrapped is left open by the library.
        Until then the connect timeout bounds the wait.
        """
        if event != "connection.start_tls.complete":
            return
        found = info["return_value"].get_extra_info("socket")
        with self._lock:
            self._socket = found
            if self._reason is not None:
                _shut(found)


def _shut(sock: socket.socket | None) -> None:
    if sock is None:
        return
    with contextlib.suppress(OSError):
        # Not the TLS socket's own method: that one frees the session under the reading thread.
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
