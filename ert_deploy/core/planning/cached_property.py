"""A cached property without a lock: worked out when it is first asked for, and kept with its object.

That of `functools` takes a lock at each first time on Python 3.11, which was a twentieth of the time of a simulated
history. Nothing of the core is shared between threads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class cached_property(Generic[T]):  # noqa: N801, it is used like that of functools
    """A property of an object that has a `__dict__`, in which its value takes the property's place."""

    def __init__(self, function: Callable[[Any], T]) -> None:
        self.function = function
        self.name = function.__name__
        self.__doc__ = function.__doc__

    def __get__(self, instance: object, owner: type) -> T:
        """Called the first time only."""
        value = instance.__dict__[self.name] = self.function(instance)
        return value
