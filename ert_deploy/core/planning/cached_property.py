"""Cached property without a lock: computed on first access and stored in the object.

`functools.cached_property` takes a lock on each first access on Python 3.11, which used 5% of the time of a simulated
run. Objects of the core are not shared between threads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class cached_property(Generic[T]):  # noqa: N801, it is used like that of functools
    """Property of an object with a `__dict__`, in which the computed value replaces the property."""

    def __init__(self, function: Callable[[Any], T]) -> None:
        self.function = function
        self.name = function.__name__
        self.__doc__ = function.__doc__

    def __get__(self, instance: object, owner: type) -> T:
        """Compute and store the value; called on first access only."""
        value = instance.__dict__[self.name] = self.function(instance)
        return value
