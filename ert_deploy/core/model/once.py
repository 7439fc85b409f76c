"""Pure functions of what is desired and observed, worked out once for each pair of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TypeVar

from ert_deploy.core.model.observed import Observed

T = TypeVar("T")
D = TypeVar("D")


def once(function: Callable[[D, Observed], T]) -> Callable[[D, Observed], T]:
    """A pure function of what is desired and observed that is worked out once for each pair of them."""
    name = function.__name__

    @wraps(function)
    def ask(desired: D, observed: Observed) -> T:
        known = observed.memo.get(name)
        if known is not None and known[0] is desired:
            value: T = known[1]
            return value
        value = function(desired, observed)
        observed.memo[name] = desired, value
        return value

    return ask
