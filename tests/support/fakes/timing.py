"""Virtual time, reproducible randomness, and faults that are due by call.

Every call of a port advances virtual time a little, so that no test can depend on two things happening at once.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from ert_deploy.core.model.errors import ErtError

LATENCY = 0.1


class FakeClock:
    """Virtual time: it advances on every sleep and every call of a port. `hooks` are called after every advance."""

    zone = "UTC"

    def __init__(self, start: float = 1_000_000.0) -> None:
        self.time = start
        self.slept = 0.0
        self.set_by = 0.0
        self.hooks: list[Callable[[], None]] = []

    def now(self) -> float:
        """Return the wall time, which differs by `set_by` seconds from the elapsed time."""
        return self.real() + self.set_by

    def steady(self) -> float:
        return self.real() - 900_000.0

    def real(self) -> float:
        """Return the elapsed time, whatever the clock of any process shows."""
        return self.time

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.slept += seconds
        self.go_on(seconds)

    def go_on(self, seconds: float) -> None:
        """Advance time without a sleep."""
        self.time += seconds
        for hook in self.hooks:
            hook()


@dataclass
class Plans:
    """Faults by operation: a list of errors (or None for "let it through") used up call by call.

    `chance`, when given, is called for a fault whenever none is queued.
    """

    clock: FakeClock | None = None
    queued: dict[str, list[ErtError | None]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    chance: Callable[[str], ErtError | None] | None = None

    def due(self, operation: str) -> ErtError | None:
        self.calls.append(operation)
        if self.clock is not None:
            self.clock.go_on(LATENCY)
        waiting = self.queued.get(operation)
        if waiting:
            return waiting.pop(0)
        return self.chance(operation) if self.chance is not None else None

    def before(self, operation: str) -> None:
        """Raise the fault that is due. One with the detail "after" must be raised by the caller, after the effect."""
        error = self.due(operation)
        if error is not None:
            raise error


class FakeEntropy:
    """Reproducible bytes."""

    def __init__(self, seed: int = 7) -> None:
        self.random = random.Random(seed)

    def token_bytes(self, count: int) -> bytes:
        return self.random.randbytes(count)
