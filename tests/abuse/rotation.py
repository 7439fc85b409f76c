"""Key rotation and restarts under load; a client with the current key is never rejected.

A client retries when its connection is closed, as real ones do: a restart closes connections. Any status other than
200 is a failure.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import ssl
from dataclasses import dataclass, field
from pathlib import Path

from tests.abuse.inputs import OLD, request
from tests.abuse.stage import SECRETS, free_port, process

CALLERS, CALLS_A_STEP, RESTART_EVERY = 6, 220, 4


@dataclass(slots=True)
class Turned:
    """The result of a run."""

    rotations: int = 0
    restarts: int = 0
    asked: int = 0
    failed: list[int] = field(default_factory=list)
    old_refused: int = 0
    key: str = OLD
    over: bool = False


async def rotate(folder: Path, ollama: str, rotations: int) -> Turned:
    """Run ADD, switch, DROP `rotations` times under load; the process is restarted between some of the steps."""
    port, turned, generation = free_port(), Turned(), 0
    callers: list[asyncio.Task[None]] = []
    while turned.rotations < rotations:
        with process("ert_backend", folder, port, ollama):
            callers = callers or [asyncio.create_task(_call(folder, port, turned)) for _ in range(CALLERS)]
            for _ in range(RESTART_EVERY // 2):
                old, new = turned.key, f"ert-rotated-{turned.rotations}"
                generation += 1
                await _set(folder, port, generation, old, new)
                turned.key = new
                await _load(turned)
                generation += 1
                await _set(folder, port, generation, new)
                turned.old_refused += await _status(folder, port, old) == 401
                turned.rotations += 1
                await _load(turned)
            generation += 1
            await _set(folder, port, generation, turned.key, f"ert-rotated-{turned.rotations}")
        turned.restarts += 1
    turned.over = True
    await asyncio.gather(*callers)
    return turned


async def _load(turned: Turned) -> None:
    """Wait for `CALLS_A_STEP` more responses, so that every client has observed the step."""
    goal = turned.asked + CALLS_A_STEP
    while turned.asked < goal and not turned.failed:
        await asyncio.sleep(0.01)


async def _set(folder: Path, port: int, generation: int, *keys: str) -> None:
    hashes = [hashlib.sha256(key.encode()).hexdigest() for key in keys]
    body = json.dumps({"generation": generation, "hashes": hashes}).encode()
    status = await _answer(folder, port, request("PUT", "/admin/keys", body=body, key=SECRETS[3]))
    assert status == 200, status


async def _status(folder: Path, port: int, key: str) -> int:
    return await _answer(folder, port, request("GET", "/status", key=key))


async def _answer(folder: Path, port: int, data: bytes) -> int:
    """Return the status of one request on a new connection, retried until there is a response."""
    while True:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            reader, writer = await _open(folder, port)
            try:
                return await _ask(reader, writer, data)
            finally:
                writer.transport.abort()
        await asyncio.sleep(0.05)


async def _call(folder: Path, port: int, turned: Turned) -> None:
    """Run one client: it uses a connection for some requests, then opens another."""
    while not turned.over:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            reader, writer = await _open(folder, port)
            try:
                for _ in range(20):
                    status = await _ask(reader, writer, request("GET", "/status", key=turned.key))
                    turned.asked += 1
                    if status != 200:
                        turned.failed.append(status)
                        return
            finally:
                writer.transport.abort()
        await asyncio.sleep(0)


async def _open(folder: Path, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    context = ssl.create_default_context(cafile=str(folder / "tls-cert.pem"))
    return await asyncio.open_connection("127.0.0.1", port, ssl=context)


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, data: bytes) -> int:
    writer.write(data)
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    await reader.readexactly(length)
    return int(head.split(b" ", 2)[1])
