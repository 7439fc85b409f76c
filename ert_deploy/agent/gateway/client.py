"""Client of the gateway: one HTTP request by ASGI, with bounds for what it sends and for how slowly it reads."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any

from starlette.types import Receive, Send

from ert_deploy.agent.gateway.bounds import Bounds
from ert_deploy.agent.gateway.refusal import Refused

COMMON = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
STREAM = {"Content-Type": "text/event-stream; charset=utf-8", "X-Accel-Buffering": "no"}


class Gone(Exception):
    """The client has closed the connection, or takes nothing any more."""


class Client:
    """One request. `begun`: the head of the response was sent."""

    def __init__(self, receive: Receive, send: Send, bounds: Bounds) -> None:
        self.begun = False
        self._receive, self._send, self._bounds = receive, send, bounds

    async def body(self, length: str | None) -> bytes:
        """Return the body of the request. Raises Refused or Gone."""
        if length is not None and (not length.isdigit() or int(length) > self._bounds.body):
            raise self._large()
        found = bytearray()
        try:
            async with asyncio.timeout(self._bounds.body_within):
                while True:
                    message = await self._receive()
                    if message["type"] == "http.disconnect":
                        raise Gone
                    found += message.get("body", b"")
                    if len(found) > self._bounds.body:
                        raise self._large()
                    if not message.get("more_body", False):
                        return bytes(found)
        except TimeoutError:
            raise Refused(408, "body", f"the body did not arrive within {self._bounds.body_within:g} s") from None

    async def while_there(self, work: Coroutine[Any, Any, None]) -> None:
        """Do the work, and cancel it when the client leaves. Raises Gone then, else as the work does."""
        doing, leaving = asyncio.ensure_future(work), asyncio.ensure_future(self._left())
        try:
            await asyncio.wait((doing, leaving), return_when=asyncio.FIRST_COMPLETED)
            if not doing.done():
                raise Gone
            doing.result()
        finally:
            for task in (doing, leaving):
                task.cancel()
            await asyncio.gather(doing, leaving, return_exceptions=True)

    async def begin(self, status: int, headers: Mapping[str, str]) -> None:
        """Send the head of the response."""
        self.begun = True
        rows = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in (COMMON | dict(headers)).items()]
        await self._take({"type": "http.response.start", "status": status, "headers": rows})

    async def write(self, data: bytes) -> None:
        """Send a piece of the body. Raises Gone if the client does not take it in time."""
        await self._take({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self) -> None:
        """End the response."""
        await self._take({"type": "http.response.body", "body": b"", "more_body": False})

    async def refuse(self, refused: Refused) -> None:
        """Send an error: as a response, or as the last event of a stream."""
        if self.begun:
            await self.write(refused.event())
        else:
            body = refused.body()
            head = {"Content-Type": "application/json", "Content-Length": str(len(body)), "Connection": "close"}
            await self.begin(refused.status, head | refused.headers())
            await self.write(body)
        await self.end()

    async def _left(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def _take(self, message: dict[str, Any]) -> None:
        try:
            async with asyncio.timeout(self._bounds.write):
                await self._send(message)
        except TimeoutError:
            raise Gone from None

    def _large(self) -> Refused:
        return Refused(413, "too_large", f"a request has at most {self._bounds.body} bytes")
