"""An answer instead of the app's, in one form: JSON with a `detail` of our own words, and the connection closed."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class Refused(Exception):
    """A status, a detail, why (for the metrics), and headers such as Retry-After."""

    def __init__(self, status: int, detail: object, reason: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status)
        self.status, self.detail, self.reason, self.headers = status, detail, reason, headers or {}


def wrong_key() -> Refused:
    """The one answer for every key that is not accepted."""
    return Refused(401, "Invalid API key", "key", {"www-authenticate": "Bearer"})


def too_fast(seconds: int, reason: str) -> Refused:
    """A rate limit."""
    return Refused(429, "Too many requests", reason, {"retry-after": str(seconds)})


async def answer(send: Send, refusal: Refused) -> None:
    """Send a refusal and close: what is left of the request is not read."""
    body = json.dumps({"detail": refusal.detail}, separators=(",", ":")).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
        *((name.encode(), value.encode()) for name, value in refusal.headers.items()),
    ]
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
