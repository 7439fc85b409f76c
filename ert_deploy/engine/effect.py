"""What an effect is: a frozen value that is yielded, and whose result comes back at the `yield`."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Generic, TypeAlias, TypeVar, cast

T = TypeVar("T")


class Effect(Generic[T]):
    """One effect; T is what carrying it out gives back."""

    __slots__ = ()


Effects: TypeAlias = Generator[Effect[Any], Any, T]


def perform(effect: Effect[T]) -> Effects[T]:
    """Ask for one effect and return its result: `value = yield from perform(Now())`."""
    return cast(T, (yield effect))
