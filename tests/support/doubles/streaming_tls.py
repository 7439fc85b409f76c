"""A backend on loopback whose responses are bytes of a test: it sends, waits for the test, or is cut off."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from tests.support.certificates.ip_bound import Pair, pair

Part = bytes | threading.Event
EVENTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
WAIT = 20.0  # seconds in which anything here is over


def whole(body: bytes, status: str = "200 OK", **headers: str) -> list[bytes]:
    """Return a complete JSON response."""
    rows = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n{rows}\r\n"
    return [head.encode() + body]


@dataclass
class Upstream:
    """The running server. `parts` is the response to all requests, or by key in `by_key`; an event is waited for.

    `heads` and `bodies` are what arrived, `sent` the bytes of responses that were taken, and `cut_off` counts
    responses whose client left.
    """

    certificate: Pair
    port: int = 0
    parts: Sequence[Part] = ()
    by_key: dict[str, Sequence[Part]] = field(default_factory=dict)
    heads: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    sent: int = 0
    cut_off: int = 0

    @property
    def url(self) -> str:
        """The base URL."""
        return f"https://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        with suppress(asyncio.IncompleteReadError, OSError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = next((int(r.split(":")[1]) for r in head.lower().split("\r\n") if r.startswith("content-len")), 0)
            self.bodies.append(await reader.readexactly(length))
            self.heads.append(head)
            key = next(row.split()[-1] for row in head.split("\r\n") if row.startswith("Authorization"))
            sending = asyncio.ensure_future(self._send(self.by_key.get(key, self.parts), writer))
            leaving = asyncio.ensure_future(reader.read())
            await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
            self.cut_off += not sending.done()
            for task in (sending, leaving):
                task.cancel()
            await asyncio.gather(sending, leaving, return_exceptions=True)
        writer.transport.abort() if writer.transport.get_write_buffer_size() else writer.close()

    async def _send(self, parts: Sequence[Part], writer: asyncio.StreamWriter) -> None:
        for part in parts:
            if isinstance(part, bytes):
                writer.write(part)
                await writer.drain()
                self.sent += len(part)
            else:
                while not part.is_set():
                    await asyncio.sleep(0.005)


@contextmanager
def upstream(certificate: Pair | None = None) -> Iterator[Upstream]:
    """Run a server until the end of the block."""
    made, loop = Upstream(certificate or pair()), asyncio.new_event_loop()
    started = threading.Event()

    async def run() -> None:
        server = await asyncio.start_server(made.serve, "127.0.0.1", 0, ssl=made.certificate.context())
        made.port = server.sockets[0].getsockname()[1]
        started.set()
        await asyncio.get_running_loop().run_in_executor(None, ending.wait)
        server.close()

    ending = threading.Event()
    thread = threading.Thread(target=lambda: loop.run_until_complete(run()), daemon=True)
    thread.start()
    assert started.wait(WAIT)
    try:
        yield made
    finally:
        ending.set()
        thread.join(WAIT)
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
