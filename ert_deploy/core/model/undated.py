"""Times that are no provider's, in plain data: written as the writer's clock had them, and named under `undated`."""

from __future__ import annotations

from typing import Any

TIMES = frozenset({"at", "woken", "stranded", "proven", "begun"})


def named(row: dict[str, Any]) -> dict[str, Any]:
    """Each time with a minus without it, and named as one."""
    own = [name for name in row if name in TIMES and row[name] < 0]
    return {**row, **{name: -row[name] for name in own}, "undated": own} if own else row


def signed(row: Any, own: bool) -> dict[str, Any]:
    """The same with a minus before each time that is no provider's: all of them in a version that knew no other."""
    if not isinstance(row, dict):
        raise TypeError(f"{row!r} is not an object")
    undated = TIMES if own else row.get("undated", ())
    known = {name: value for name, value in row.items() if name != "undated"}
    return {name: -value if name in undated and value > 1.0 else value for name, value in known.items()}
