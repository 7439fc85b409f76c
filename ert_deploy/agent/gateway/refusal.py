"""Error of a request to the gateway, in the form of OpenAI's API: as a response, or as an event of a stream."""

from __future__ import annotations

import json
from typing import Any

_KINDS = {401: "authentication_error", 404: "invalid_request_error", 429: "rate_limit_error"}


class Refused(Exception):
    """A request gets no completion. `after` are the seconds of Retry-After, `code` is what programs compare."""

    def __init__(self, status: int, code: str, message: str, after: int | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.after = status, code, message, after

    def body(self) -> bytes:
        """Return it as JSON."""
        kind = _KINDS.get(self.status, "server_error" if self.status >= 500 else "invalid_request_error")
        error = {"message": self.message, "type": kind, "param": None, "code": self.code}
        return json.dumps({"error": error}).encode()

    def event(self) -> bytes:
        """Return it as a server-sent event; what was cut off before it is closed."""
        return b"\n\ndata: " + self.body() + b"\n\n"

    def headers(self) -> dict[str, str]:
        """Return the headers that it needs beside the usual ones."""
        found = {"Retry-After": str(self.after)} if self.after is not None else {}
        return found | ({"WWW-Authenticate": "Bearer"} if self.status == 401 else {})


def of_backend(status: int, body: bytes) -> Refused:
    """Return an error response of the backend for a stream whose head was sent before."""
    try:
        error: Any = json.loads(body)["error"]
        return Refused(status, str(error.get("code") or "backend"), str(error["message"]))
    except (ValueError, LookupError, TypeError, AttributeError):
        return Refused(status, "backend", f"the backend returned {status}")
