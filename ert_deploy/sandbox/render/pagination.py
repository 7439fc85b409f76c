"""Render's request conventions: errors, cursor pages, comma-joined filters, times.

A page has 1 to 100 items, 20 unless told; each item carries its own cursor, and the next page starts after the cursor
of the last item seen. There is no total: the end is a page that is not full (render.com, API reference, pagination).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from ert_deploy.sandbox.httpd.server import Reply, Request

DEFAULT_LIMIT = 20
MAX_LIMIT = 100


class ApiError(Exception):
    """Answered as `{"message": ..., "code"?: ...}` with this status."""

    def __init__(self, status: int, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code

    def reply(self) -> Reply:
        """The error as Render words it."""
        body = {"message": str(self)}
        return Reply.json(body | {"code": self.code} if self.code else body, self.status)


def not_found(what: str) -> ApiError:
    """The one 404 text on record."""
    return ApiError(404, f"not found: {what}")


def bad_request(message: str, code: str | None = None) -> ApiError:
    """400; Render's own wording is not on record, the status is."""
    return ApiError(400, message, code)


def json_object(request: Request) -> dict[str, Any]:
    """The body, which must be a JSON object."""
    value = json_value(request)
    if not isinstance(value, dict):
        raise bad_request("invalid JSON: expected an object")
    return value


def json_value(request: Request) -> Any:
    """The body as JSON; a missing one is an error, the word `null` is not."""
    try:
        if not request.body.strip():
            raise ValueError
        return request.json()
    except ValueError:
        raise bad_request("invalid JSON") from None


def limit_of(request: Request) -> int:
    """`limit`, checked."""
    text = request.one("limit") or str(DEFAULT_LIMIT)
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= MAX_LIMIT):
        raise bad_request(f"limit must be between 1 and {MAX_LIMIT}", "invalid_limit")
    return int(text)


def values_of(request: Request, name: str) -> list[str]:
    """A filter given as `name=a,b` or by repeating `name`."""
    return [part for text in request.query.get(name, []) for part in text.split(",") if part]


def time_of(request: Request, name: str) -> float | None:
    """An RFC 3339 time as Unix seconds, or None when the parameter is absent."""
    text = request.one(name)
    if not text:
        return None
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise bad_request(f"invalid {name}: not an RFC 3339 time") from None
    if parsed.tzinfo is None:
        raise bad_request(f"invalid {name}: no time zone")
    return parsed.timestamp()


def in_window(request: Request, prefix: str, at: float | None) -> bool:
    """Whether a time lies between `<prefix>After` and `<prefix>Before`, where given."""
    after, before = time_of(request, f"{prefix}After"), time_of(request, f"{prefix}Before")
    if at is None:
        return after is None and before is None
    # Clients send back the six digits they were shown; our own times have more.
    shown = round(at, 6)
    return (after is None or shown > round(after, 6)) and (before is None or shown < round(before, 6))


def cursor_of(seq: int) -> str:
    """An opaque cursor: eight bytes of noise and the place in the order, as base64 (32 characters, like Render's)."""
    place = f"{seq:016x}".encode()
    return base64.urlsafe_b64encode(hashlib.sha256(place).digest()[:8] + place).decode()


def _seq_of(cursor: str) -> int:
    try:
        seq = int(base64.urlsafe_b64decode(cursor.encode())[8:], 16)
    except ValueError:
        seq = -1
    if seq < 0 or cursor_of(seq) != cursor:
        raise bad_request("invalid cursor", "invalid_cursor")
    return seq


def page(request: Request, name: str, rows: Iterable[tuple[int, Any]], *, newest_first: bool = False) -> Reply:
    """`[{name: item, "cursor": ...}, ...]` from `(seq, item)` rows, which may come in any order."""
    limit, cursor = limit_of(request), request.one("cursor")
    ordered = sorted(rows, key=lambda row: row[0], reverse=newest_first)
    if cursor:
        seen = _seq_of(cursor)
        ordered = [row for row in ordered if (row[0] < seen if newest_first else row[0] > seen)]
    return Reply.json([wrapped(name, seq, item) for seq, item in ordered[:limit]])


def wrapped(name: str, seq: int, item: Any) -> dict[str, Any]:
    """One item of a page."""
    return {name: item, "cursor": cursor_of(seq)}
