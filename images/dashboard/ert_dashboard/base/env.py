"""Reading one environment variable: a number within bounds, or an error that names the variable. Shows no value."""

from __future__ import annotations

import math
from collections.abc import Mapping


class BadSetting(Exception):
    """A variable of ours holds something unusable; the text names it and never shows a secret."""


def finite(text: str) -> float | None:
    """The number in `text`, None if it is none or not finite."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def number(environ: Mapping[str, str], name: str, default: float, low: float, high: float) -> float:
    """The variable as a number from `low` to `high`, `default` if unset or empty. Raises `BadSetting`."""
    text = environ.get(name, "").strip()
    value = finite(text) if text else default
    if value is None or not low <= value <= high:
        raise BadSetting(f"{name} must be a number between {low:g} and {high:g}")
    return value
