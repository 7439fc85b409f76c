"""An event loop whose time jumps to the next timer, so that an hour of waiting takes no time.

One loop per world: nothing that a world left behind can reach into the next one.
"""

from __future__ import annotations

import asyncio
import heapq
from asyncio import base_events
from typing import Any

# The same moment for every schedule, so that a seed gives the same one wherever it is played.
BEGIN = 1000.0
_PASSES = 100


class Standstill(Exception):
    """Nothing is due, ever, and somebody still waits."""


class VirtualLoop(base_events.BaseEventLoop):
    """Runs tasks on virtual seconds; no sockets, no threads, no signals."""

    _ready: Any
    _scheduled: Any

    def __init__(self) -> None:
        super().__init__()
        self.now, self.timers = BEGIN, 0

    def time(self) -> float:
        return self.now

    def call_soon(self, callback: Any, *args: Any, context: Any = None) -> asyncio.Handle:  # type: ignore[override]
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_later(self, delay: float, callback: Any, *args: Any, context: Any = None) -> asyncio.TimerHandle:  # type: ignore[override]
        return self.call_at(self.now + delay, callback, *args, context=context)

    def call_at(self, when: float, callback: Any, *args: Any, context: Any = None) -> asyncio.TimerHandle:  # type: ignore[override]
        """Of two timers for the same moment the older one is first."""
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        self.timers += 1
        heapq.heappush(self._scheduled, (when, self.timers, timer))
        return timer

    def _run_once(self) -> None:
        """What is ready, in order; with nothing ready, first jump to the next timer and take all that are due then."""
        ready, scheduled = self._ready, self._scheduled
        while not ready:
            if not scheduled:
                raise Standstill
            when, _, timer = heapq.heappop(scheduled)
            if not timer._cancelled:
                self.now = max(self.now, when)
                ready.append(timer)
                while scheduled and scheduled[0][0] <= self.now:
                    ready.append(heapq.heappop(scheduled)[2])
        for _ in range(len(ready)):
            handle = ready.popleft()
            if not handle._cancelled:
                handle._run()

    def _write_to_self(self) -> None:
        """Nobody calls from another thread."""

    def end(self) -> None:
        """The end of a world: everything that is under way is cut, in the order it began."""
        for _ in range(_PASSES):
            left = sorted(asyncio.all_tasks(self), key=lambda task: int(task.get_name().rpartition("-")[2]))
            if not left:
                break
            for task in left:
                task.cancel()
            self.run_until_complete(asyncio.sleep(0))
        self.run_until_complete(self.shutdown_asyncgens())
        self.close()
