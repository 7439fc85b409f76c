"""Request body parser: turns raw bytes into clean JSON before any framework reads them. No I/O.

The result is strict UTF-8 JSON without NaN, Infinity, unpaired surrogates, unbounded nesting or huge integers. Old
clients do send a bare NaN, which means "no value" and becomes null. Errors never contain the input.
"""

from __future__ import annotations

import json
import math

MAX_DEPTH = 24
MAX_NODES = 20_000
MAX_INTEGER = 2**64 - 1  # the seeds of some clients have 64 bits


class BadBody(ValueError):
    """Not usable as JSON; the message is the reason, without the input."""


def normalise(raw: bytes) -> bytes:
    """Return the body as ASCII JSON with null for every non-value.

    Raise BadBody when it is no JSON object or exceeds the limits.
    """
    try:
        value = json.loads(raw.decode("utf-8"))
    except UnicodeDecodeError:
        raise BadBody("the body is not UTF-8") from None
    except RecursionError:
        raise BadBody("the body is nested too deeply") from None
    except ValueError:
        raise BadBody("the body is not JSON") from None
    if not isinstance(value, dict):
        raise BadBody("the body is not a JSON object")
    return json.dumps(_Cleaner().clean(value, 0), allow_nan=False).encode()


class _Cleaner:
    """Traverses a parsed body once and counts its nodes."""

    def __init__(self) -> None:
        self.nodes = 0

    def clean(self, value: object, depth: int) -> object:
        self.nodes += 1
        if depth > MAX_DEPTH:
            raise BadBody("the body is nested too deeply")
        if self.nodes > MAX_NODES:
            raise BadBody("the body has too many values")
        if isinstance(value, dict):
            return {_text(key): self.clean(item, depth + 1) for key, item in value.items()}
        if isinstance(value, list):
            return [self.clean(item, depth + 1) for item in value]
        return _scalar(value)


def _scalar(value: object) -> object:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, int) and not isinstance(value, bool):
        return value if abs(value) <= MAX_INTEGER else None
    return value


def _text(value: str) -> str:
    """Return the text without unpaired surrogates, which JSON can express and UTF-8 cannot."""
    return value.encode("utf-8", "replace").decode("utf-8")
