"""Sends one input over a real socket and returns the outcome. Finds the end of a response, without any other parsing.

Each group of 5 inputs has its own loopback address: this requires all of 127.0.0.0/8, as on Linux.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import ssl
import struct
from dataclasses import dataclass

from tests.abuse.inputs import MARK, End, Input, Way
from tests.abuse.stage import Stage

HANG, GIVE_UP, QUIET = 10.0, 13.0, 0.4
STATUS = re.compile(rb"^HTTP/1\.1 (\d\d\d) ", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of an input: the statuses in order (none: closed without a response), seconds, echo of the canary."""

    statuses: tuple[int, ...]
    seconds: float
    echoed: bool
    answered_first: bool

    @property
    def hung(self) -> bool:
        """Whether the server neither responded nor closed in time."""
        return self.seconds > HANG


async def send(given: Input, stage: Stage, number: int) -> Outcome:
    """Send an input from its own address, and wait for a response or the end of the connection."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    way = given.way or (Way.TLS if number % 2 else Way.PLAIN)
    received = bytearray()
    with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
        async with asyncio.timeout(GIVE_UP):
            await _exchange(given, way, stage, given.home or address(number), received)
    statuses = tuple(int(code) for code in STATUS.findall(received))
    bad = any(code >= 400 for code in statuses)
    interim = bool(statuses) and statuses[0] < 200
    echoed = bad and MARK.encode() in received
    return Outcome(statuses, loop.time() - began, echoed, given.withheld and bool(statuses) and not interim)


def address(number: int) -> str:
    """Return one of many loopback addresses, with 5 inputs each."""
    return f"127.{1 + number // 5 % 120}.{number // 600 % 250}.{2 + number % 5}"


async def connect(stage: Stage, way: Way, home: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a connection to the TLS port, or to the one without TLS."""
    port = stage.plain_port if way is Way.PLAIN else stage.tls_port
    tls = stage.context if way is Way.TLS else None
    return await asyncio.open_connection(
        "127.0.0.1", port, ssl=tls, server_hostname="127.0.0.1" if tls else None, local_addr=(home, 0)
    )


async def _exchange(given: Input, way: Way, stage: Stage, home: str, received: bytearray) -> None:
    reader, writer = await connect(stage, way, home)
    try:
        reading = asyncio.create_task(_read(reader, received))
        try:
            await _speak(given, writer, reading)
            if given.end is not End.RESET:
                await reading
        finally:
            reading.cancel()
            with contextlib.suppress(asyncio.CancelledError, OSError):
                await reading
    finally:
        _drop(writer, reset=given.end is End.RESET)


async def _speak(given: Input, writer: asyncio.StreamWriter, reading: asyncio.Task[None]) -> None:
    for part in given.parts:
        if reading.done():
            return
        writer.write(part)
        with contextlib.suppress(OSError):
            await writer.drain()
        if given.pause:
            await asyncio.wait({reading}, timeout=given.pause)
    if given.end is End.HALF_CLOSE and writer.can_write_eof():
        with contextlib.suppress(OSError):
            writer.write_eof()
    if given.end is End.RESET:
        await asyncio.wait({reading}, timeout=0.05)


async def _read(reader: asyncio.StreamReader, received: bytearray) -> None:
    """Read until the connection ends, or a response is complete and no more data follows."""
    while True:
        try:
            async with asyncio.timeout(QUIET if _whole(received) else None):
                part = await reader.read(65536)
        except TimeoutError:
            return
        if not part or (len(received) > 1_000_000):
            return
        received += part
        if _whole(received) and received.count(b"HTTP/1.1 ") == 1 and not _closing(received):
            return


def _whole(received: bytearray) -> bool:
    head, end, body = received.rpartition(b"HTTP/1.1 ")[2].partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
    return bool(end) and not head.startswith(b"1") and (length is None or len(body) >= int(length[1]))


def _closing(received: bytearray) -> bool:
    return b"connection: close" in received


def _drop(writer: asyncio.StreamWriter, reset: bool) -> None:
    raw: socket.socket | None = writer.get_extra_info("socket")
    if reset and raw is not None:
        with contextlib.suppress(OSError):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def pinned(pem: str) -> ssl.SSLContext:
    """Return a client context that trusts the machine's own certificate."""
    return ssl.create_default_context(cafile=pem)
