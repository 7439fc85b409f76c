"""Measures how long the service's event loop is blocked: the longest time between two ticks of a timer task."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass

from tests.support.backend.rig import Backend

TICK = 0.0005


@dataclass(slots=True)
class Stall:
    """The longest time between two ticks in seconds: `busy` in processor time of the loop, `wall` in real time."""

    busy: float = 0.0
    wall: float = 0.0


@contextlib.contextmanager
def watched(backend: Backend) -> Iterator[Stall]:
    """Measure the stalls of the loop during the block."""
    stall = Stall()

    async def tick() -> None:
        busy, wall = time.thread_time(), time.monotonic()
        while True:
            await asyncio.sleep(TICK)
            now_busy, now_wall = time.thread_time(), time.monotonic()
            stall.busy, stall.wall = max(stall.busy, now_busy - busy), max(stall.wall, now_wall - wall - TICK)
            busy, wall = now_busy, now_wall

    ticking = asyncio.run_coroutine_threadsafe(tick(), backend.loop)
    try:
        yield stall
    finally:
        ticking.cancel()
