"""Server-sent events of a job, with ids, so that a client that lost its connection resumes at the right event."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Awaitable

from ert_backend.reports.job import Event, Job

KEEP_ALIVE = 15.0


def last_seen(header: str | None) -> int:
    """Parse a `Last-Event-ID` header; 0 (from the start) when it is missing or invalid."""
    text = (header or "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


async def follow(job: Job, after: int, keep_alive: float = KEEP_ALIVE) -> AsyncGenerator[bytes, None]:
    """Yield all events with an id above `after` until the job ends. A comment is sent while there are none."""
    sent = after if after <= len(job.events) else 0
    while True:
        changed = job.changed
        for event in job.events[sent:]:
            yield encode(event)
        sent = len(job.events)
        if job.done.is_set():
            return
        try:
            await asyncio.wait_for(changed.wait(), keep_alive)
        except TimeoutError:
            yield b": keep-alive\n\n"


async def attended(
    attention: contextlib.AbstractContextManager[None], events: AsyncGenerator[bytes, None]
) -> AsyncGenerator[bytes, None]:
    """Yield the events, inside `attention` while the client reads them."""
    with attention:
        async with contextlib.aclosing(events):
            async for event in events:
                yield event


async def first_of(*waits: Awaitable[object]) -> None:
    """Wait until one of `waits` completes, and cancel the others."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def encode(event: Event) -> bytes:
    """Encode one event in the wire format; JSON contains no line break, so one `data` line is enough."""
    return f"id: {event.id}\nevent: {event.name}\ndata: {json.dumps(event.data)}\n\n".encode()
