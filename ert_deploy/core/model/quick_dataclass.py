"""A dataclass for what every look builds anew: frozen for the type checker, quick to build at run time.

`dataclass(frozen=True)` sets each field by a call, which was a tenth of the time of a simulated history. Nothing
assigns to a field of these either; mypy says so, and the interpreter does not look.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def quick_dataclass(cls: type[T]) -> type[T]:
    """The class as a dataclass with slots, equal and hashed by its fields."""
    return dataclass(slots=True, unsafe_hash=True)(cls)


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def caching_dataclass(cls: type[T]) -> type[T]:
    """The same without slots, so that a `cached_property` has a place to keep its value."""
    return dataclass(unsafe_hash=True)(cls)
