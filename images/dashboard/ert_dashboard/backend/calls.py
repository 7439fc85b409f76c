"""One call with httpx: a deadline from its first to its last byte, a largest response, one line on what went wrong."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx

from ert_dashboard.base.interrupt import Interrupt, Interrupted, Reason

AWAY = "cannot be reached"


class NoAnswer(Exception):
    """Raised for a call without a whole response. Safe to display after the server's name: "cannot be reached"."""

    def __init__(self, what: str, *, distrusted: bool = False) -> None:
        super().__init__(what)
        self.distrusted = distrusted


@dataclass(frozen=True)
class Limits:
    """Bounds of one call: seconds from its first to its last byte, and bytes of the response's body."""

    seconds: float
    size: int


def whole_response(
    http: httpx.Client, request: httpx.Request, interrupt: Interrupt, limits: Limits
) -> tuple[int, bytes, httpx.Headers]:
    """Send the request; return status, body and headers. Raise `NoAnswer`, or `Interrupted` for another reason."""
    interrupt.check()
    interrupt.limit(limits.seconds)
    plain = request.url.scheme == "http"
    request.extensions["trace"] = interrupt.trace_plain if plain else interrupt.trace
    try:
        with _cut_off(interrupt):
            response = http.send(request, stream=True)
            try:
                return response.status_code, _read(response, interrupt, limits.size), response.headers
            finally:
                response.close()
    finally:
        interrupt.limit(None)


def distrusted(error: BaseException) -> bool:
    """Return whether a call failed because the server's certificate is not trusted."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def retry_after(headers: httpx.Headers, longest: float) -> float | None:
    """Return the seconds of `Retry-After`, at most `longest`; None without them (a date is none)."""
    text = headers.get("retry-after", "")
    return min(longest, float(text)) if text.isascii() and text.isdigit() else None


@contextmanager
def _cut_off(interrupt: Interrupt) -> Iterator[None]:
    try:
        try:
            yield
        except httpx.HTTPError as error:
            interrupt.check()
            away = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
            raise NoAnswer(AWAY if away else "does not respond", distrusted=distrusted(error)) from None
    except Interrupted as stop:
        if stop.reason is not Reason.DEADLINE:
            raise
        raise NoAnswer("does not respond in time") from None


def _read(response: httpx.Response, interrupt: Interrupt, most: int) -> bytes:
    content = bytearray()
    for chunk in response.iter_bytes():
        interrupt.check()
        content += chunk
        if len(content) > most:
            raise NoAnswer("sends a response that is too large")
    interrupt.check()
    return bytes(content)
