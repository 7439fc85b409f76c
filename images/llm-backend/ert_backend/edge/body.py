"""From the bytes of a request to clean JSON, before any framework sees them. Pure.

What is let through is strict UTF-8 JSON without NaN, Infinity, lone surrogates, unbounded nesting or absurd integers:
old clients do write a bare NaN, which means "no value" and becomes null. Errors never contain the input.
"""

from __future__ import annotations

import json
import math

MAX_DEPTH = 24
MAX_NODES = 20_000
MAX_INTEGER = 2**64 - 1  # the seeds of some clients have 64 bits


class BadBody(ValueError):
    """Not usable as JSON; the message says why in our own words."""


def normalise(raw: bytes) -> bytes:
    """The body as ASCII JSON with every non-value as null; BadBody when it is no JSON object of a sane size."""
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
    """Walks a parsed body once and counts what it has seen."""

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
    """Without lone surrogates, which JSON can write and UTF-8 cannot."""
    return value.encode("utf-8", "replace").decode("utf-8")
