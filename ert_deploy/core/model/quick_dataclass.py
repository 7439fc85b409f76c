"""Dataclass for values created at a high rate: immutable for the type checker, fast to create at run time.

`dataclass(frozen=True)` sets each field with a function call, which used 10% of the time of a simulation. mypy
reports an assignment to a field of these classes; at run time it is not checked.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from operator import attrgetter
from typing import TYPE_CHECKING, TypeVar, dataclass_transform

__all__ = ("caching_dataclass", "changed", "quick_dataclass")
T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def quick_dataclass(cls: type[T]) -> type[T]:
    """Return the class as a dataclass with slots, with `__eq__` and `__hash__` over all fields."""
    return dataclass(slots=True, unsafe_hash=True)(cls)


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def caching_dataclass(cls: type[T]) -> type[T]:
    """Like `quick_dataclass`, but without slots, so that `cached_property` can store its value."""
    return dataclass(unsafe_hash=True)(cls)


if TYPE_CHECKING:
    from dataclasses import replace as changed
else:

    @cache
    def _fields(cls):
        return attrgetter(*cls.__match_args__)

    def changed(value, /, **changes):
        """Return a copy of a value of these classes with other fields: `dataclasses.replace`, in half the time."""
        made = type(value)(*_fields(type(value))(value))
        for name, one in changes.items():
            setattr(made, name, one)
        return made
