"""HTTP error response: JSON with a fixed `detail`, or OpenAI's `error`; the connection is closed after it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

# Clients of the paths below this prefix use OpenAI's API, and parse errors in its format only.
OPENAI = "/v1/"
_KINDS = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
_CODES = {401: "invalid_api_key", 404: "not_found", 429: "rate_limit_exceeded"}


class Refused(Exception):
    """A status, a detail, a reason (for the metrics), and headers such as Retry-After."""

    def __init__(self, status: int, detail: object, reason: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status)
        self.status, self.detail, self.reason, self.headers = status, detail, reason, headers or {}


def wrong_key() -> Refused:
    """Return the error for every key that is not accepted."""
    return Refused(401, "Invalid API key", "key", {"www-authenticate": "Bearer"})


def too_fast(seconds: int, reason: str) -> Refused:
    """Return the error of a rate limit."""
    return Refused(429, "Too many requests", reason, {"retry-after": str(seconds)})


def openai_error(status: int, message: str, param: str | None = None, code: str | None = None) -> dict[str, Any]:
    """Return an error body in the format of OpenAI's API; `param` is the invalid field."""
    kind = _KINDS.get(status, "server_error" if status >= 500 else "invalid_request_error")
    return {"error": {"message": message, "type": kind, "param": param, "code": code or _CODES.get(status)}}


def refusal_body(path: str, status: int, detail: object) -> tuple[int, dict[str, Any]]:
    """Return the status and body of an error in the format that clients of `path` expect."""
    if not path.startswith(OPENAI):
        return status, {"detail": detail}
    problems = detail if isinstance(detail, list) else [{"msg": str(detail)}]
    text = "; ".join(str(problem.get("msg")) for problem in problems if isinstance(problem, Mapping))
    # An invalid body is 422 elsewhere, but 400 in OpenAI's API.
    status = 400 if status == 422 else status
    return status, openai_error(status, text)


async def answer(send: Send, refusal: Refused, path: str = "") -> None:
    """Send an error response and close the connection; the rest of the request is not read."""
    status, value = refusal_body(path, refusal.status, refusal.detail)
    body = json.dumps(value, separators=(",", ":")).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
        *((name.encode(), value.encode()) for name, value in refusal.headers.items()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
