"""Strict reading of plain data: each field of a row has the type its dataclass names, and each number is finite.

What is stored may have been written by anybody, so nothing is converted by guess. Raises TypeError or ValueError with
what is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import MISSING, fields
from typing import Any, TypeVar

T = TypeVar("T")
Check = Callable[[Any], Any]
MOST = 2**63 - 1  # ids and counts of every provider and store fit in it
_SHA256 = re.compile(r"[0-9a-f]{64}")


def text(value: Any) -> str:
    """Text that can be encoded."""
    if type(value) is not str:
        raise TypeError(f"{value!r} is not text")
    if not value.isascii():
        value.encode()  # half a surrogate pair is no text
    return value


def whole(value: Any) -> int:
    """A whole number from 0."""
    if type(value) is not int:  # True is no number
        raise TypeError(f"{value!r} is not a whole number")
    if not 0 <= value <= MOST:
        raise ValueError(f"{value!r} is below 0 or too large")
    return value


def number(value: Any) -> float:
    """A finite number from 0, such as a time in Unix seconds."""
    if type(value) is not float and type(value) is not int:
        raise TypeError(f"{value!r} is not a number")
    if not 0 <= value < float("inf"):  # NaN is neither
        raise ValueError(f"{value!r} is not a finite number of at least 0")
    return float(value)


def flag(value: Any) -> bool:
    """True or false."""
    if type(value) is not bool:
        raise TypeError(f"{value!r} is not true or false")
    return value


def rows(value: Any) -> list[Any] | tuple[Any, ...]:
    """A list."""
    if not isinstance(value, list | tuple):
        raise TypeError(f"{value!r} is not a list")
    return value


def digests(value: Any) -> tuple[str, ...]:
    """SHA-256 of keys, in lower-case hex."""
    found = tuple(text(one) for one in rows(value))
    if not all(map(_SHA256.fullmatch, found)):
        raise ValueError(f"{value!r} is not a list of SHA-256")
    return found


def many(value: Any, check: Callable[[Any], T]) -> tuple[T, ...]:
    """A list of which every element passes."""
    return tuple(check(one) for one in rows(value))


_CHECKS: dict[str, Check] = {
    "str": text,
    "int": whole,
    "float": number,
    "bool": flag,
    "tuple[str, ...]": digests,
}

_SCHEMAS: dict[type[Any], tuple[dict[str, Check], frozenset[str]]] = {}


def checked(kind: type[Any], row: Any) -> dict[str, Any]:
    """The values of a row that has each field of a dataclass without a default, and no other ones."""
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
