"""Latency of authenticated requests while hundreds of half-open connections are held."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from statistics import median

from tests.abuse.inputs import GOOD, Way, request
from tests.abuse.sender import connect
from tests.abuse.stage import Stage

HALF_HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x11" * 100
HALF_HEAD = b"GET /health HTTP/1.1\r\nHost: x\r\nX-Half: "
HALF_BODY = b"Content-Length: 5000\r\n"


@dataclass(frozen=True, slots=True)
class Waited:
    """Results of the authenticated client: responses, failures, seconds per request including the handshake."""

    where: str
    held: int
    asked: int
    failed: int
    p50: float
    p99: float


async def half_open(stage: Stage, shared_address: bool, count: int = 500, seconds: float = 8.0) -> Waited:
    """Hold `count` half-open connections (opened again when the server closes them) while requesting /status."""
    stop = asyncio.Event()
    open_now: set[int] = set()
    holders = [asyncio.create_task(_hold(stage, i, shared_address, stop, open_now)) for i in range(count)]
    while len(open_now) < min(count, 100):
        await asyncio.sleep(0.05)
    most, times, failed = 0, list[float](), 0
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while loop.time() < until:
        most = max(most, len(open_now))
        began = loop.time()
        failed += not await _ask(stage)
        times.append(loop.time() - began)
        await asyncio.sleep(0.01)
    stop.set()
    for holder in holders:
        holder.cancel()
    await asyncio.gather(*holders, return_exceptions=True)
    times.sort()
    where = "from the caller's own address" if shared_address else "from 100 other addresses"
    return Waited(where, most, len(times), failed, median(times), times[int(len(times) * 0.99)])


async def _ask(stage: Stage) -> bool:
    """Send one authenticated request on a new connection."""
    with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
        async with asyncio.timeout(10):
            reader, writer = await connect(stage, Way.TLS, "127.0.0.1")
            try:
                writer.write(request("GET", "/status", b"Connection: close\r\n", key=GOOD))
                return (await reader.readline()).startswith(b"HTTP/1.1 200")
            finally:
                writer.transport.abort()
    return False


async def _hold(stage: Stage, number: int, shared: bool, stop: asyncio.Event, open_now: set[int]) -> None:
    home = "127.0.0.1" if shared else f"127.200.0.{2 + number % 100}"
    while not stop.is_set():
        with contextlib.suppress(OSError, TimeoutError):
            await _half(stage, number, home, open_now)
        open_now.discard(number)
        await asyncio.sleep(0.5)


async def _half(stage: Stage, number: int, home: str, open_now: set[int]) -> None:
    """Hold a silent socket or a partial handshake, header or body, until the server closes it."""
    kind = number % 4
    way = Way.RAW if kind < 2 else Way.TLS
    reader, writer = await connect(stage, way, home)
    try:
        open_now.add(number)
        half_body = request("POST", "/reports", HALF_BODY, key=GOOD) + b"{"
        writer.write((b"", HALF_HELLO, HALF_HEAD, half_body)[kind])
        await reader.read()
    finally:
        writer.transport.abort()
