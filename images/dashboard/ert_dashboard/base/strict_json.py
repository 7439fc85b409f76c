"""Strict JSON parser: requires UTF-8, rejects NaN, infinities and excessive nesting."""

from __future__ import annotations

import json
from typing import Any


def load_strictly(content: bytes) -> Any:
    """Parse `content`; raise `ValueError` unless it is exactly one JSON value."""
    try:
        return json.loads(content.decode("utf-8"), parse_constant=_no_constant)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
