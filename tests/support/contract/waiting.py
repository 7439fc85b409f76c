"""Lets a provider's time pass until something holds."""

from __future__ import annotations

from collections.abc import Callable

STEPS = 240


def advance(holds: Callable[[], bool], step: Callable[[], object]) -> None:
    """Take steps of 5 s of the provider until it holds; fails after 20 minutes."""
    for _ in range(STEPS):
        if holds():
            return
        step()
    raise AssertionError("it did not happen within 20 minutes of the provider")
