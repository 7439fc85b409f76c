"""Strict parsing of plain data: each field of a row has the type in its dataclass, and no number is infinite or NaN.

Stored data may be foreign, so no value is converted implicitly. The functions raise TypeError or ValueError with a
description of the error.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import MISSING, fields
from typing import Any, TypeVar

from ert_deploy.core.model.provider import InstanceId, instance_id

T = TypeVar("T")
Check = Callable[[Any], Any]
MOST = 2**63 - 1  # maximum id or count of all providers and stores
_SHA256 = re.compile(r"[0-9a-f]{64}")


def text(value: Any) -> str:
    """Return `value` if it is a string that can be encoded."""
    if type(value) is not str:
        raise TypeError(f"{value!r} is not text")
    if not value.isascii():
        value.encode()  # raises for a lone surrogate
    return value


def ident(value: Any) -> InstanceId:
    """The id of an instance."""
    return instance_id(text(value))


def whole(value: Any) -> int:
    """Return `value` if it is a non-negative integer."""
    if type(value) is not int:  # excludes True, which is an int subclass
        raise TypeError(f"{value!r} is not a whole number")
    if not 0 <= value <= MOST:
        raise ValueError(f"{value!r} is below 0 or too large")
    return value


def number(value: Any) -> float:
    """Return `value` as float if it is a finite, non-negative number, such as a time in seconds."""
    if type(value) is not float and type(value) is not int:
        raise TypeError(f"{value!r} is not a number")
    if not 0 <= value < float("inf"):  # excludes NaN too
        raise ValueError(f"{value!r} is not a finite number of at least 0")
    return float(value)


def flag(value: Any) -> bool:
    """Return `value` if it is a boolean."""
    if type(value) is not bool:
        raise TypeError(f"{value!r} is not true or false")
    return value


def rows(value: Any) -> list[Any] | tuple[Any, ...]:
    """Return `value` if it is a list or tuple."""
    if not isinstance(value, list | tuple):
        raise TypeError(f"{value!r} is not a list")
    return value


def digests(value: Any) -> tuple[str, ...]:
    """Return `value` as a tuple of SHA-256 digests of keys, in lower-case hex."""
    found = tuple(text(one) for one in rows(value))
    if not all(map(_SHA256.fullmatch, found)):
        raise ValueError(f"{value!r} is not a list of SHA-256")
    return found


def many(value: Any, check: Callable[[Any], T]) -> tuple[T, ...]:
    """Return a tuple of the elements of a list, each converted by `check`."""
    return tuple(check(one) for one in rows(value))


_CHECKS: dict[str, Check] = {
    "str": text,
    "InstanceId": ident,
    "int": whole,
    "float": number,
    "bool": flag,
    "tuple[str, ...]": digests,
}

_SCHEMAS: dict[type[Any], tuple[dict[str, Check], frozenset[str]]] = {}


def checked(kind: type[Any], row: Any) -> dict[str, Any]:
    """Return the values of a row that has every field without a default, and no unknown field."""
    if not isinstance(row, dict):
        raise TypeError(f"{row!r} is not an object")
    checks, required = _schema(kind)
    if not required <= row.keys():
        raise TypeError(f"{', '.join(sorted(required - row.keys()))} is missing in {row!r}")
    if not row.keys() <= checks.keys():
        raise TypeError(f"{', '.join(sorted(map(repr, row.keys() - checks.keys())))} is unknown")
    return {name: checks[name](value) for name, value in row.items()}


def _schema(kind: type[Any]) -> tuple[dict[str, Check], frozenset[str]]:
    found = _SCHEMAS.get(kind)
    if found is None:
        required = frozenset(field.name for field in fields(kind) if field.default is MISSING)
        found = _SCHEMAS[kind] = {field.name: _CHECKS[str(field.type)] for field in fields(kind)}, required
    return found
