"""JSON as the standard has it: UTF-8, no NaN or infinities, not nested beyond reason, or ValueError."""

from __future__ import annotations

import json
from typing import Any


def load_strictly(content: bytes) -> Any:
    """The value in `content`. Raises ValueError for anything else than one JSON text."""
    try:
        return json.loads(content.decode("utf-8"), parse_constant=_no_constant)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
