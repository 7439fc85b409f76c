"""HTTP messages: one request and one reply of a handler. No I/O."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

JSON_TYPE = "application/json; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Request:
    """A request as received; `query` preserves the order of repeated keys."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes
    client: str
    operation: str = ""
    params: Mapping[str, str] = field(default_factory=dict)

    def json(self) -> Any:
        """Return the body parsed as JSON. Raises `ValueError` if it is not JSON."""
        return json.loads(self.body or b"null")

    def one(self, name: str) -> str | None:
        """Return the last value of a query parameter, or None."""
        values = self.query.get(name)
        return values[-1] if values else None


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply. A body of None is sent with `Content-Length: 0` and no content type.

    With `cut`, the connection is closed after that many bytes of the body; `Content-Length` is still the full length.
    """

    status: int = 200
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = JSON_TYPE
    cut: int | None = None

    @classmethod
    def json(cls, value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
        """Return `value` as JSON with a final newline, which both providers send."""
        return cls(status, json.dumps(value, ensure_ascii=False).encode() + b"\n", headers or {})

    @classmethod
    def text(cls, value: str, status: int = 200, content_type: str = "text/plain; charset=utf-8") -> Reply:
        """Return a plain text reply, or another text type such as HTML with `content_type`."""
        return cls(status, value.encode(), {}, content_type)
