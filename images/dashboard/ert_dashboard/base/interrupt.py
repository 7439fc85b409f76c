"""Interrupts: stop a thread that is blocked on a socket, for an abort, a shutdown or a wall-clock deadline.

A read timeout restarts with every byte, so a slow stream never reaches it. An `Interrupt` shuts down the socket in use
instead, and the blocked thread gets the reason from `check()`.
"""

from __future__ import annotations

import contextlib
import enum
import socket
import threading
from types import TracebackType
from typing import Any


class Reason(enum.StrEnum):
    """Reason for an interrupt."""

    ABORT = "abort"
    CLOSING = "closing"
    DEADLINE = "deadline"
    TAKEN = "taken"  # another process has taken the task over


class Interrupted(Exception):
    """Raised in the interrupted thread; `reason` is the cause."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(str(reason))
        self.reason = reason


class Interrupt:
    """Cancellation handle of one task. Use it as a context manager, so that its timer is canceled with the task."""

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
        """Interrupt with DEADLINE `seconds` from now. A new limit overrides the previous one; None removes it."""
        with self._lock:
            old, self._timer = self._timer, None
            if seconds is not None:
                self._timer = threading.Timer(max(0.0, seconds), self.cut, [Reason.DEADLINE])
                self._timer.daemon = True
                self._timer.start()
        if old is not None:
            old.cancel()

    def cut(self, reason: Reason) -> None:
        """Interrupt the task. Only the first reason is kept."""
        with self._lock:
            if self._reason is None:
                self._reason = reason
            self._event.set()
            _shut(self._socket)

    def check(self) -> None:
        """Raise `Interrupted` if the task was interrupted."""
        if self._reason is not None:
            raise Interrupted(self._reason)

    def wait(self, seconds: float) -> None:
        """Sleep for `seconds`; raise `Interrupted` immediately when interrupted."""
        self._event.wait(seconds)
        self.check()

    def trace(self, event: str, info: dict[str, Any]) -> None:
        """Trace hook for httpcore: record the socket that the request uses.

        The socket is recorded only after the TLS handshake: httpcore leaks a socket that is shut down while it is
        being wrapped. Until then the connect timeout bounds the wait.
        """
        if event == "connection.start_tls.complete":
            self._use(info["return_value"].get_extra_info("socket"))

    def trace_plain(self, event: str, info: dict[str, Any]) -> None:
        """Trace hook for a request without TLS, as `trace`."""
        if event == "connection.connect_tcp.complete":
            self._use(info["return_value"].get_extra_info("socket"))

    def _use(self, found: socket.socket) -> None:
        with self._lock:
            self._socket = found
            if self._reason is not None:
                _shut(found)


def _shut(sock: socket.socket | None) -> None:
    if sock is None:
        return
    with contextlib.suppress(OSError):
        # Not `SSLSocket.shutdown`, which frees the TLS session while the reading thread uses it.
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
