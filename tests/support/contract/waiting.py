"""Advances a provider's time until a condition is true."""

from __future__ import annotations

from collections.abc import Callable

STEPS = 240


def advance(holds: Callable[[], bool], step: Callable[[], object]) -> None:
    """Advance the provider in steps of 5 s until the condition is true; fail after 20 minutes."""
    for _ in range(STEPS):
        if holds():
            return
        step()
    raise AssertionError("it did not happen within 20 minutes of the provider")
