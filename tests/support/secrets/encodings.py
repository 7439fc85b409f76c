"""The encodings in which a secret can be echoed: each maps a text to its form in a log or response."""

from __future__ import annotations

import base64
import html
import json
import textwrap
from collections.abc import Callable, Iterator, Mapping
from urllib.parse import quote

COLUMNS = 19


def _base64(offset: int, encode: Callable[[bytes], bytes] = base64.b64encode) -> Callable[[str], str]:
    return lambda text: encode(b"\xa7" * offset + text.encode() + b"\xa7" * 3).decode()


def _wrapped(text: str) -> str:
    return "\n  ".join(textwrap.wrap(text, COLUMNS, break_on_hyphens=False)) or text


def _all_percent(text: str) -> str:
    return "".join(f"%{byte:02x}" for byte in text.encode())


def _all_unicode(text: str) -> str:
    return "".join(f"\\u{ord(char):04x}" for char in text)


ENCODINGS: Mapping[str, Callable[[str], str]] = {
    "raw": lambda text: text,
    "percent": lambda text: quote(text, safe=""),
    "percent, every byte": _all_percent,
    "percent, capitals": lambda text: _all_percent(text).upper(),
    "base64 at offset 0": _base64(0),
    "base64 at offset 1": _base64(1),
    "base64 at offset 2": _base64(2),
    "url-safe base64": _base64(1, base64.urlsafe_b64encode),
    "JSON": lambda text: json.dumps(text).replace("/", "\\/"),
    "JSON, every character": _all_unicode,
    "HTML": html.escape,
    "HTML, every character": lambda text: "".join(f"&#x{ord(char):x};" for char in text),
    "HTML, decimal": lambda text: "".join(f"&#{ord(char)};" for char in text),
    "split over lines": _wrapped,
    "base64 split over lines": lambda text: _wrapped(_base64(0)(text)),
    "percent in JSON, split": lambda text: json.dumps(_wrapped(quote(text, safe=""))),
    "hex": lambda text: text.encode().hex(),
}


def needles(name: str, secret: str) -> tuple[str, ...]:
    """Return the substring that a text without white space contains if it shows a secret in that encoding."""
    shown = "".join(_core(name, secret).split())
    return (shown,) if shown else ()


def found_in(text: str, secret: str) -> Iterator[str]:
    """Yield the encodings in which a text shows a secret, found independently of the code under test.

    White space is removed from both, so that line breaks are irrelevant.
    """
    squeezed = "".join(text.split())
    unfolded = squeezed.replace("\\n", "")
    for name in ENCODINGS:
        if any(wanted in squeezed or wanted in unfolded for wanted in needles(name, secret)):
            yield name


def _core(name: str, secret: str) -> str:
    """Return the part of an encoded secret that is independent of the surrounding text."""
    shown = ENCODINGS[name](secret)
    if "base64" in name and "split" not in name:
        offset = 1 if name.startswith("url") else int(name[-1])
        return shown[-(-offset * 8 // 6) : (offset + len(secret.encode())) * 8 // 6]
    if "base64" in name:
        return "".join(shown.split())[: len(secret.encode()) * 8 // 6]
    return shown.replace("\\n", "").strip('"') if "split" in name else shown.strip('"')
