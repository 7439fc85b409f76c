"""Undated times: values not from the provider's clock, stored as positive numbers and named in `undated`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ert_deploy.core.model.plain.fields import rows

TIMES = frozenset({"at", "woken", "stranded", "proven", "begun"})
NAMES = "undated"


def named(row: dict[str, Any]) -> dict[str, Any]:
    """Return the row with each negative time made positive and named in `undated`."""
    own = [name for name in row if name in TIMES and row[name] < 0]
    return {**row, **{name: -row[name] for name in own}, NAMES: own} if own else row


def undated(row: dict[str, Any]) -> frozenset[str]:
    """Return the fields that a row marks as local; raise TypeError or ValueError if the list is invalid."""
    found = rows(row.get(NAMES, ()))
    if not all(isinstance(name, str) and name in TIMES and name in row for name in found):
        raise ValueError(f"{found!r} are not times of it")
    return frozenset(found)


def signed(row: dict[str, Any], own: Iterable[str]) -> dict[str, Any]:
    """Return the row with each local time negated."""
    return {**row, **{name: -row[name] for name in own if row.get(name, 0.0) > 1.0}}
