"""Ids that are numbers, in plain data: versions up to 4 wrote them so. They become the same digits as text."""

from __future__ import annotations

from typing import Any

from ert_deploy.core.model.plain.fields import whole
from ert_deploy.core.model.provider import InstanceId

UNKNOWN = frozenset({"machine_id", "offer_id"})  # where 0 stood for "not known"


def named(number: Any) -> InstanceId:
    """The id that this number was."""
    return InstanceId(str(whole(number)))


def renumbered(row: Any) -> Any:
    """A row with its ids as text; what is no row is left to who checks it. TypeError, ValueError: not a number."""
    if not isinstance(row, dict):
        return row
    ids = {name: named(row[name]) for name in ("id", *UNKNOWN) if name in row}
    return {**row, **{name: "" if name in UNKNOWN and found == "0" else found for name, found in ids.items()}}
