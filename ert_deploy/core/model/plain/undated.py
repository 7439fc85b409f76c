"""Times that are no provider's, in plain data: written as the writer's clock had them, and named under `undated`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ert_deploy.core.model.plain.fields import rows

TIMES = frozenset({"at", "woken", "stranded", "proven", "begun"})
NAMES = "undated"


def named(row: dict[str, Any]) -> dict[str, Any]:
    """Each time with a minus without it, and named as one."""
    own = [name for name in row if name in TIMES and row[name] < 0]
    return {**row, **{name: -row[name] for name in own}, NAMES: own} if own else row


def undated(row: dict[str, Any]) -> frozenset[str]:
    """The times that a row names as no provider's. TypeError or ValueError when it names anything else."""
    found = rows(row.get(NAMES, ()))
    if not all(isinstance(name, str) and name in TIMES and name in row for name in found):
        raise ValueError(f"{found!r} are not times of it")
    return frozenset(found)


def signed(row: dict[str, Any], own: Iterable[str]) -> dict[str, Any]:
    """The row with a minus before each of its times that is no provider's."""
    return {**row, **{name: -row[name] for name in own if row.get(name, 0.0) > 1.0}}
