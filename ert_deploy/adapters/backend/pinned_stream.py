"""Asynchronous request to a backend with one pinned certificate: its response is passed on piece by piece.

At most two pieces of a response are in memory: what is not taken is not read, so that a slow reader slows the backend.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ert_deploy.adapters.backend.pinning import NOT_PINNED, is_pinned, pinned_context
from ert_deploy.core.model.observed import Address

if TYPE_CHECKING:
    import h11

PIECE = 64 * 1024  # bytes that are read at once
MOST_HEAD = 16 * 1024  # bytes of the head of a response


class NotSent(Exception):
    """Nothing of the request was sent: no connection, or a server that is not the expected one."""


class Broken(Exception):
    """The request was sent, and no complete response followed."""


@dataclass(frozen=True, slots=True)
class Within:
    """Time limits in seconds: to connect, for the head of the response after the request, and between two reads."""

    connect: float = 10.0
    head: float = 600.0
    idle: float = 300.0


@dataclass(frozen=True, slots=True)
class Order:
    """A request: method, path, headers and body."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    body: bytes = field(default=b"", repr=False)


class Reply:
    """A response that has begun: its status and headers (names in lower case). It has to be closed."""

    def __init__(
        self, talk: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, within: Within
    ) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self._talk, self._reader, self._writer, self._within = talk, reader, writer, within

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the body as it arrives. Raises `Broken` if it ends before it is complete."""
        import h11

        while True:
            event = await self._next(self._within.idle)
            if isinstance(event, h11.EndOfMessage):
                return
            if isinstance(event, h11.Data):
                yield bytes(event.data)

    async def head(self) -> None:
        """Read status and headers. Raises `Broken`."""
        import h11

        async with _in_time(self._within.head, "no response in time"):
            while not isinstance(event := await self._next(self._within.head), h11.Response):
                pass
        self.status = event.status_code
        self.headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in event.headers}

    def close(self) -> None:
        """Close the connection at once, so that the backend stops its work."""
        self._writer.transport.abort()

    async def _next(self, within: float) -> Any:
        import h11

        while True:
            try:
                event = self._talk.next_event()
            except h11.RemoteProtocolError:
                raise Broken("the response is incomplete or no valid HTTP") from None
            if isinstance(event, h11.ConnectionClosed):
                raise Broken("the connection was closed during a response")
            if event is not h11.NEED_DATA:
                return event
            async with _in_time(within, "no further byte in time"):
                self._talk.receive_data(await self._reader.read(PIECE))


async def request(address: Address, pem: str, deployment: str, order: Order, within: Within) -> Reply:
    """Send a request to the server with exactly this certificate and return the response once its head is there.

    Raises `NotSent` or `Broken`.
    """
    import h11

    reader, writer = await _connected(address, pem, deployment, within)
    talk = h11.Connection(h11.CLIENT, max_incomplete_event_size=MOST_HEAD)
    reply = Reply(talk, reader, writer, within)
    try:
        length = (("Content-Length", str(len(order.body))),) if order.body else ()
        headers = (("Host", f"{deployment}.ert.internal"), ("Connection", "close"), *length, *order.headers)
        parts: tuple[h11.Event, ...] = (h11.Request(method=order.method, target=order.path, headers=list(headers)),)
        parts += (*((h11.Data(order.body),) if order.body else ()), h11.EndOfMessage())
        async with _in_time(within.idle, "the request was not taken in time"):
            for part in parts:
                writer.write(talk.send(part) or b"")
                await writer.drain()
        await reply.head()
    except BaseException:
        reply.close()
        raise
    return reply


async def _connected(
    address: Address, pem: str, deployment: str, within: Within
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    try:
        context = pinned_context(pem)
        async with asyncio.timeout(within.connect):
            reader, writer = await asyncio.open_connection(address.ip, address.port, ssl=context, limit=PIECE)
    except TimeoutError:
        raise NotSent("no connection in time") from None
    except (ssl.SSLError, ValueError):
        raise NotSent("it does not show the expected certificate") from None
    except OSError as error:
        raise NotSent(f"no connection ({type(error).__name__})") from None
    shown: ssl.SSLObject = writer.get_extra_info("ssl_object")
    names: Any = (shown.getpeercert() or {}).get("subjectAltName", ())
    if is_pinned(shown.getpeercert(binary_form=True) or b"", names, pem, address.ip, deployment):
        return reader, writer
    writer.transport.abort()
    raise NotSent(NOT_PINNED)


@contextlib.asynccontextmanager
async def _in_time(seconds: float, late: str) -> AsyncIterator[None]:
    """Limit a block in time. Raises `Broken` if it takes longer or the connection breaks."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise Broken(late) from None
    except OSError as error:
        raise Broken(f"the connection broke ({type(error).__name__})") from None
