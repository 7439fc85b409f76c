"""Filter objects of Vast, `{field: {op: value}}`, used by the offer search and the instance list.

Numbers may be strings, as in the queries of the SDK; they are treated as numbers if the field of the row is a number.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

from ert_deploy.sandbox.vast.wire import Refusal

ORDERED: Mapping[str, Callable[[Any, Any], bool]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}
OPERATORS = ("eq", "neq", "in", "notin", *ORDERED)


def check(field: str, conditions: Any) -> None:
    """Raise `Refusal` 400 unless `conditions` is an object of known operators with valid operands."""
    if not isinstance(conditions, Mapping):
        raise Refusal(400, "invalid_request", f"Error in query parameters: {field} must be an object of operators")
    for name, operand in conditions.items():
        if name not in OPERATORS:
            raise Refusal(400, "invalid_request", f"Error in query parameters: {name} is not a valid operator")
        if name in ("in", "notin") and not isinstance(operand, list):
            raise Refusal(400, "invalid_request", f"Error in query parameters: {field} {name} needs a list")


def matches(row: Mapping[str, Any], filters: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether the row matches all filters. Unknown fields are ignored, as in the real search."""
    return all(
        holds(row[field], name, operand)
        for field, conditions in filters.items()
        if field in row
        for name, operand in conditions.items()
    )


def holds(value: Any, name: str, operand: Any) -> bool:
    """Evaluate one comparison. None only matches `neq` and `notin`, and `eq` null."""
    if name in ("in", "notin"):
        return any(_equal(value, one) for one in operand) == (name == "in")
    if name in ("eq", "neq"):
        return _equal(value, operand) == (name == "eq")
    wanted = coerce(operand, value)
    return value is not None and wanted is not None and ORDERED[name](value, wanted)


def _equal(value: Any, operand: Any) -> bool:
    return bool(value == operand) if value is None or operand is None else bool(value == coerce(operand, value))


def coerce(operand: Any, like: Any) -> Any:
    """Return `operand` converted to the type of `like`, or None if that is impossible."""
    if isinstance(like, bool):
        return _as_bool(operand)
    if isinstance(like, (int, float)):
        try:
            return float(operand)
        except (TypeError, ValueError):
            return None
    return operand if isinstance(operand, str) else None


def _as_bool(operand: Any) -> bool | None:
    if isinstance(operand, str):
        return {"true": True, "1": True, "false": False, "0": False}.get(operand.strip().lower())
    return bool(operand) if isinstance(operand, (bool, int, float)) else None
