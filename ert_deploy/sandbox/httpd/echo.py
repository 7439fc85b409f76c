"""Echo faults: repeat the values of a request, raw or encoded, as a provider's error may. Independent of providers."""

from __future__ import annotations

import base64
import html
import json
import textwrap
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

from ert_deploy.sandbox.httpd.messages import Request

COLUMNS = 20
LEAST = 8  # minimum length of a value that is echoed, in characters


def _base64(before: bytes, text: str) -> str:
    return base64.b64encode(before + text.encode() + b"...").decode()


ENCODINGS: Mapping[str, Callable[[str], str]] = {
    "raw": lambda text: text,
    "percent": lambda text: quote(text, safe=""),
    "percent-all": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
    "base64": lambda text: _base64(b"", text),
    "base64-1": lambda text: _base64(b"-", text),
    "base64-2": lambda text: _base64(b"--", text),
    "base64-url": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "json": json.dumps,
    "json-all": lambda text: "".join(f"\\u{ord(char):04x}" for char in text),
    "html": html.escape,
    "html-all": lambda text: "".join(f"&#{ord(char)};" for char in text),
    "hex": lambda text: text.encode().hex(),
    "wrapped": lambda text: "\r\n    ".join(textwrap.wrap(text, COLUMNS)),
    "terminal": lambda text: f"\x1b]0;{text}\x07\x1b[31m{text}\x1b[0m\r\n::error::{text}\n##[warning]{text}",
}


def encoded(text: str, encoding: str) -> str:
    """Return `text` in the given encoding. Raises `ValueError` for an unknown encoding."""
    if encoding not in ENCODINGS:
        raise ValueError(f"no encoding is called {encoding!r}; known: {', '.join(ENCODINGS)}")
    return ENCODINGS[encoding](text)


def told(request: Request) -> tuple[str, ...]:
    """Return what a request reveals of its sender: the credential it authenticates with, and the values in its body."""
    authorization = request.headers.get("Authorization", "").rpartition(" ")[2]
    try:
        values = tuple(_values(request.json()))
    except ValueError:
        values = ()
    return (authorization, *values) if authorization else values


def _values(value: Any) -> Iterator[str]:
    match value:
        case dict():
            for one in value.values():
                yield from _values(one)
        case list():
            for one in value:
                yield from _values(one)
        case str() if len(value) >= LEAST:
            yield value
