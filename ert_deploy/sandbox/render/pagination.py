"""Request conventions of Render: errors, cursor pages, comma-separated filters, times.

A page has 1 to 100 items, by default 20; each item has a cursor, and the next page starts after the cursor of the last
item. There is no total: the last page is the first one that is not full (render.com, API reference, pagination).
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
    """An error response `{"message": ..., "code"?: ...}` with this status."""

    def __init__(self, status: int, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code

    def reply(self) -> Reply:
        """Return the error in Render's format."""
        body = {"message": str(self)}
        return Reply.json(body | {"code": self.code} if self.code else body, self.status)


def not_found(what: str) -> ApiError:
    """Return the 404, with the only recorded message."""
    return ApiError(404, f"not found: {what}")


# F43
def bad_request(message: str, code: str | None = None) -> ApiError:
    """Return a 400; Render's own message is not documented, only the status."""
    return ApiError(400, message, code)


def json_object(request: Request) -> dict[str, Any]:
    """Return the body as a JSON object. Raises a 400 `ApiError` if it is not one."""
    value = json_value(request)
    if not isinstance(value, dict):
        raise bad_request("invalid JSON: expected an object")
    return value


def json_value(request: Request) -> Any:
    """Return the body as JSON, which may be `null`. Raises a 400 `ApiError` if it is missing or not JSON."""
    try:
        if not request.body.strip():
            raise ValueError
        return request.json()
    except ValueError:
        raise bad_request("invalid JSON") from None


def text_of(body: dict[str, Any], name: str) -> str:
    """Return a field of a body that must be a string. Raises a 400 `ApiError`."""
    value = body.get(name)
    if not isinstance(value, str):
        raise bad_request(f"{name} must be a string")
    return value


def whole_of(body: dict[str, Any], name: str, low: int, high: int) -> int:
    """Return a field of a body that must be a whole number in a range. Raises a 400 `ApiError`."""
    value = body.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise bad_request(f"{name} must be a whole number between {low} and {high}")
    return value


def limit_of(request: Request) -> int:
    """Return the validated `limit`. Raises a 400 `ApiError` if it is out of range."""
    text = request.one("limit") or str(DEFAULT_LIMIT)
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= MAX_LIMIT):
        raise bad_request(f"limit must be between 1 and {MAX_LIMIT}", "invalid_limit")
    return int(text)


def values_of(request: Request, name: str) -> list[str]:
    """Return the values of a filter given as `name=a,b` or by repeating `name`."""
    return [part for text in request.query.get(name, []) for part in text.split(",") if part]


def time_of(request: Request, name: str) -> float | None:
    """Return an RFC 3339 parameter as Unix seconds, or None if missing. Raises a 400 `ApiError` if it is invalid."""
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


def check_times(request: Request) -> None:
    """Validate each `..Before` and `..After` of a list. Raises a 400 `ApiError` for the first invalid one."""
    for name in request.query:
        if name.endswith(("Before", "After")):
            time_of(request, name)


def in_window(request: Request, prefix: str, at: float | None) -> bool:
    """Whether a timestamp is between `<prefix>After` and `<prefix>Before`, if given."""
    after, before = time_of(request, f"{prefix}After"), time_of(request, f"{prefix}Before")
    if at is None:
        return after is None and before is None
    # Clients send the six digits of a response; the internal times have more.
    shown = round(at, 6)
    return (after is None or shown > round(after, 6)) and (before is None or shown < round(before, 6))


def cursor_of(seq: int) -> str:
    """Return an opaque cursor: eight bytes of a hash and the sort key, as base64 (32 characters, like Render's)."""
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
    """Return `[{name: item, "cursor": ...}, ...]` for `(seq, item)` rows in any order."""
    limit, cursor = limit_of(request), request.one("cursor")
    ordered = sorted(rows, key=lambda row: row[0], reverse=newest_first)
    if cursor:
        seen = _seq_of(cursor)
        ordered = [row for row in ordered if (row[0] < seen if newest_first else row[0] > seen)]
    return Reply.json([wrapped(name, seq, item) for seq, item in ordered[:limit]])


def wrapped(name: str, seq: int, item: Any) -> dict[str, Any]:
    """Return one item of a page."""
    return {name: item, "cursor": cursor_of(seq)}
