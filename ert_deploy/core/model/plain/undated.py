"""Times not from the provider's clock, in plain data: stored as positive local times and listed under `undated`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ert_deploy.core.model.plain.fields import rows

TIMES = frozenset({"at", "woken", "stranded", "proven", "begun"})
NAMES = "undated"


def named(row: dict[str, Any]) -> dict[str, Any]:
    """Return the row with negative times made positive and listed under `undated`."""
    own = [name for name in row if name in TIMES and row[name] < 0]
    return {**row, **{name: -row[name] for name in own}, NAMES: own} if own else row


def undated(row: dict[str, Any]) -> frozenset[str]:
    """Return the times that a row lists as local; raise TypeError or ValueError if the list is invalid."""
    found = rows(row.get(NAMES, ()))
    if not all(isinstance(name, str) and name in TIMES and name in row for name in found):
        raise ValueError(f"{found!r} are not times of it")
    return frozenset(found)


def signed(row: dict[str, Any], own: Iterable[str]) -> dict[str, Any]:
    """Return the row with each of the local times negated."""
    return {**row, **{name: -row[name] for name in own if row.get(name, 0.0) > 1.0}}
