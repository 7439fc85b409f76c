"""An event loop whose time jumps to the next timer, so that an hour of waiting takes no time."""

from __future__ import annotations

import asyncio
from asyncio import base_events
from typing import Any


class Standstill(Exception):
    """Nothing is due, ever, and somebody still waits."""


class _Jump:
    """In place of a selector: there is nothing to select on, only timers to jump to."""

    def __init__(self) -> None:
        self.now = 0.0

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise Standstill
        self.now += max(0.0, timeout)
        return []


class VirtualLoop(base_events.BaseEventLoop):
    """Runs tasks on virtual seconds; no sockets, no threads, no signals."""

    def __init__(self) -> None:
        super().__init__()
        self._selector = _Jump()

    def time(self) -> float:
        return self._selector.now

    def _process_events(self, event_list: list[Any]) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        """Nobody calls from another thread."""

    def begin(self) -> None:
        """The same moment for every schedule, so that a seed gives the same one wherever it is played."""
        self._selector.now = 1000.0

    def clear(self) -> None:
        """Throw away everything that is under way, as the end of a world does."""
        for task in asyncio.all_tasks(self):
            task.cancel()
        for _ in range(5):
            self.run_until_complete(asyncio.sleep(0))
        self._scheduled.clear()  # type: ignore[attr-defined]
        self._ready.clear()  # type: ignore[attr-defined]
