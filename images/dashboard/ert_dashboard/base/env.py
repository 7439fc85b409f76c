"""Numeric environment variables: range checks whose errors name the variable but never include its value."""

from __future__ import annotations

import math
from collections.abc import Mapping


class BadSetting(Exception):
    """Raised for an invalid environment variable; the message names it and never contains a secret."""


def finite(text: str) -> float | None:
    """Parse `text` as a float; return None for any other text, infinity and NaN."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def number(environ: Mapping[str, str], name: str, default: float, low: float, high: float) -> float:
    """Parse the variable, `default` if unset or empty; raise `BadSetting` unless it is from `low` to `high`."""
    text = environ.get(name, "").strip()
    value = finite(text) if text else default
    if value is None or not low <= value <= high:
        raise BadSetting(f"{name} must be a number between {low:g} and {high:g}")
    return value
