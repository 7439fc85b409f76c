"""One request and one answer, as the provider doubles see them; no sockets here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came over the wire; `query` keeps repeated keys in order."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes
    client: str
    operation: str = ""
    params: Mapping[str, str] = field(default_factory=dict)

    def json(self) -> Any:
        """The body as JSON; ValueError when it is not."""
        return json.loads(self.body or b"null")

    def one(self, name: str) -> str | None:
        """The last value of a query parameter, or None."""
        values = self.query.get(name)
        return values[-1] if values else None


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer. A body of None is sent with `Content-Length: 0` and no content type.

    With `cut`, the connection ends after that many bytes of the body, although the full length was promised.
    """

    status: int = 200
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json; charset=utf-8"
    cut: int | None = None

    @classmethod
    def json(cls, value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
        """`value` as JSON with a closing newline, as both providers send it."""
        return cls(status, json.dumps(value, ensure_ascii=False).encode() + b"\n", headers or {})

    @classmethod
    def text(cls, value: str, status: int = 200, content_type: str = "text/plain; charset=utf-8") -> Reply:
        """Plain text, or HTML with its own content type."""
        return cls(status, value.encode(), {}, content_type)
