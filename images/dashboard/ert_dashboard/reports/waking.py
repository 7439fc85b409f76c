"""Waking: what a report does while the backend is asleep. Without an agent it only waits."""

from __future__ import annotations

from typing import Protocol

from ert_dashboard.backend.errors import BackendError
from ert_dashboard.base.interrupt import Interrupt

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 15.0


class Waking(Protocol):
    """What waiting reports tell the waker of their process, and what it has them say."""

    @property
    def moves(self) -> bool:
        """Whether the backend may come back at another address, so that a stranger at the present one is no failure."""
        ...

    @property
    def longest_pause_s(self) -> float:
        """The longest time between two tries to reach the backend."""
        ...

    @property
    def problem(self) -> str:
        """One line on why the backend is not being woken; "" if nothing is in the way, or nothing wakes it at all."""
        ...

    def waits(self, report_id: str, /) -> None:
        """Note that a report waits for a backend that does not respond; repeated with each try."""
        ...

    def ended(self, report_id: str, /) -> None:
        """Note that it does not wait any more."""
        ...

    def lacks(self, machine: str, up: int, /) -> None:
        """Note that a machine that is down is needed, as many reports wait for the `up` ones; with 0 that it is not."""
        ...

    def says(self, error: BackendError) -> str:
        """Return one line on what the report waits for."""
        ...


class Unwoken:
    """Implements `Waking` without an agent: an operator has to wake the backend."""

    moves = False
    longest_pause_s = _LONGEST_PAUSE_S
    problem = ""

    def waits(self, _: str, /) -> None:
        return

    def ended(self, _: str, /) -> None:
        return

    def lacks(self, _: str, _up: int, /) -> None:
        return

    def says(self, error: BackendError) -> str:
        return str(error)


class Pauses:
    """Exponential backoff between retries, reset on success."""

    def __init__(self, interrupt: Interrupt, longest_s: float) -> None:
        """`longest_s` bounds the pauses that the backend does not ask for, in seconds."""
        self._interrupt = interrupt
        self._longest_s = longest_s
        self._next = _FIRST_PAUSE_S

    def reset(self) -> None:
        """Begin again with the shortest pause."""
        self._next = _FIRST_PAUSE_S

    def wait(self, asked: float | None = None) -> None:
        """Sleep for `asked` seconds, else for the next pause; raise `Interrupted`."""
        self._interrupt.wait(self._next if asked is None else max(asked, 0.1))
        self._next = min(self._longest_s, self._next * 2)
