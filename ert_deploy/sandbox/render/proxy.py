"""Service proxy: a TCP proxy for the public ports of the services, which selects an upstream for each request.

Bytes are not modified, so WebSocket and streamed responses work. After a replacement, a keep-alive connection uses the
new instance from its next request on, like at Render; an upgraded one stays on its instance. The proxy is independent
of deploys: it calls `choose` to get the upstream.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

CHUNK = 65536
_REQUEST = re.compile(rb"[A-Z]+ \S+ HTTP/1\.[01]\r\n")


@dataclass(frozen=True, slots=True)
class Page:
    """A response of the proxy itself, when no instance is available."""

    status: int
    title: str
    routing: str

    def render(self) -> bytes:
        """Return the complete response, after which the connection is closed."""
        body = (
            f"<!DOCTYPE html><html><head><title>{self.title}</title></head><body><h1>{self.title}</h1></body></html>\n"
        )
        head = (
            f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}\r\nContent-Type: text/html; charset=utf-8\r\n"
            f"Content-Length: {len(body.encode())}\r\nX-Render-Routing: {self.routing}\r\nConnection: close\r\n\r\n"
        )
        return (head + body).encode()


# F50
BAD_GATEWAY = Page(502, "Bad Gateway", "bad-gateway")
Choose = Callable[[], int | Page]


@dataclass(slots=True)
class _Link:
    port: int
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    replied: bool = False
    upgraded: bool = False
    pump: asyncio.Task[None] | None = None


class Proxies:
    """The public ports of all services, on one event loop in one thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._servers: list[asyncio.Server] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Start serving."""
        self._thread.start()

    def open(self, choose: Choose) -> int:
        """Open an available port and return it."""
        return asyncio.run_coroutine_threadsafe(self._open(choose), self._loop).result(10)

    def stop(self) -> None:
        """Close all ports and connections."""
        if self._thread.is_alive():
            asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(10)
        self._loop.close()

    async def _open(self, choose: Choose) -> int:
        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            with contextlib.suppress(asyncio.CancelledError):
                await _serve(reader, writer, choose)

        server = await asyncio.start_server(accept, "127.0.0.1", 0)
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    async def _close(self) -> None:
        for server in self._servers:
            server.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, choose: Choose) -> None:
    link: _Link | None = None
    try:
        while chunk := await reader.read(CHUNK):
            if link is None or _next_request(link, chunk):
                target = choose()
                if isinstance(target, Page):
                    await _answer(writer, target)
                    return
                link = await _move(link, target, writer)
            link.replied = False
            link.writer.write(chunk)
            await link.writer.drain()
        if link is not None and link.pump is not None:
            link.writer.write_eof()
            await link.pump
    except ConnectionRefusedError:
        await _answer(writer, BAD_GATEWAY)
    except OSError:
        pass
    finally:
        await _hang_up(link, writer)


def _next_request(link: _Link, chunk: bytes) -> bool:
    return link.replied and not link.upgraded and _REQUEST.match(chunk) is not None


async def _move(link: _Link | None, port: int, client: asyncio.StreamWriter) -> _Link:
    if link is not None and link.port == port:
        return link
    if link is not None:
        await _drop(link)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    fresh = _Link(port, reader, writer)
    fresh.pump = asyncio.create_task(_pump(fresh, client))
    return fresh


async def _pump(link: _Link, client: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while chunk := await link.reader.read(CHUNK):
            link.replied = True
            link.upgraded = link.upgraded or chunk.startswith(b"HTTP/1.1 101")
            client.write(chunk)
            await client.drain()
        if not link.replied:
            client.write(BAD_GATEWAY.render())
            await client.drain()
    client.close()


async def _drop(link: _Link) -> None:
    if link.pump is not None:
        link.pump.cancel()
        await asyncio.gather(link.pump, return_exceptions=True)
    await _closed(link.writer)


async def _answer(writer: asyncio.StreamWriter, page: Page) -> None:
    with contextlib.suppress(OSError):
        writer.write(page.render())
        await writer.drain()


async def _hang_up(link: _Link | None, writer: asyncio.StreamWriter) -> None:
    if link is not None:
        await _drop(link)
    await _closed(writer)


async def _closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
