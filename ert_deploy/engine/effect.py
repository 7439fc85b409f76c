"""Base of the effects: immutable values that are yielded; the result is the value of the `yield`."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Generic, TypeAlias, TypeVar, cast

T = TypeVar("T")


class Effect(Generic[T]):
    """One operation; T is the type of its result."""

    __slots__ = ()


Effects: TypeAlias = Generator[Effect[Any], Any, T]


def perform(effect: Effect[T]) -> Effects[T]:
    """Yield one `Effect` and return its result: `value = yield from perform(Now())`."""
    return cast(T, (yield effect))
