"""Event loop with virtual time: it jumps to the next timer, so that an hour of waiting takes no time.

One loop per schedule, so that no task or timer is shared between schedules.
"""

from __future__ import annotations

import asyncio
import heapq
from asyncio import base_events
from typing import Any

# A fixed start time, so that a seed gives the same schedule everywhere.
BEGIN = 1000.0
_PASSES = 100


class Standstill(Exception):
    """Raised when a task waits and no timer is scheduled."""


class VirtualLoop(base_events.BaseEventLoop):
    """Runs tasks in virtual seconds; no sockets, no threads, no signals."""

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
        """Schedule a timer; of two timers with the same time the older one runs first."""
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        self.timers += 1
        heapq.heappush(self._scheduled, (when, self.timers, timer))
        return timer

    def _run_once(self) -> None:
        """Run the ready callbacks in order; if there are none, first jump to the next timer and add all due ones."""
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
        """Do nothing: no call comes from another thread."""

    def end(self) -> None:
        """Close the loop: cancel every remaining task, in the order of creation."""
        for _ in range(_PASSES):
            left = sorted(asyncio.all_tasks(self), key=lambda task: int(task.get_name().rpartition("-")[2]))
            if not left:
                break
            for task in left:
                task.cancel()
            self.run_until_complete(asyncio.sleep(0))
        self.run_until_complete(self.shutdown_asyncgens())
        self.close()
