"""Measures how long the service's loop is kept from its other work: the longest time between two of its own ticks."""

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
    """The longest time between two ticks in seconds: `busy` of the loop's own processor time, `wall` of the clock's."""

    busy: float = 0.0
    wall: float = 0.0


@contextlib.contextmanager
def watched(backend: Backend) -> Iterator[Stall]:
    """What happens to the loop inside the block."""
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
