"""Errors of calls to a backend. Their messages are safe to display.

BackendError
+-- Unavailable     temporary, retry after `after` seconds; safe for all calls but `generate_report`
+-- NotThere        404 or 405: unknown route or report
+-- WrongIdentity   the peer does not have the pinned certificate; no request was sent
+-- Refused         permanent, do not retry
    +-- KeyRefused  by this backend; another one has another key
"""

from __future__ import annotations


class BackendError(Exception):
    """Base class of all backend errors. The message is safe to display."""


class Unavailable(BackendError):
    """Temporary error. `after`: the delay in seconds that the backend wants; `asleep`: the machine may be stopped."""

    def __init__(self, message: str, after: float | None = None, *, asleep: bool = False) -> None:
        super().__init__(message)
        self.after = after
        self.asleep = asleep


class NotThere(BackendError):
    """Unknown route or report."""


class WrongIdentity(BackendError):
    """The certificate of the peer is not the pinned one, or does not match the address."""


class Refused(BackendError):
    """Permanent error: the backend rejected the request."""


class KeyRefused(Refused):
    """The backend does not accept the key."""


PASSING = (Unavailable, WrongIdentity, KeyRefused)  # they may pass, here or at another backend
