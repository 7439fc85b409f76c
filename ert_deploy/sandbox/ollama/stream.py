"""Response streaming: sends a response line by line, and cancels it when the client disconnects.

Starlette's streaming response does not detect a disconnect while no data is sent, and an error before the first line
must be returned as a status.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ert_deploy.sandbox.ollama.wire import Json, Refusal, encode, merged

_JSON, _NDJSON = "application/json; charset=utf-8", "application/x-ndjson"


class Stream:
    """Sends the lines of a generator until the client disconnects, as NDJSON or merged into one object."""

    def __init__(self, lines: AsyncGenerator[Json, None], stream: bool) -> None:
        self._lines, self._stream = lines, stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        work = asyncio.create_task(self._send(scope, receive, send))
        gone = asyncio.create_task(_disconnect(receive))
        await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
        work.cancel()
        gone.cancel()
        await asyncio.gather(work, gone, return_exceptions=True)
        await self._lines.aclose()

    async def _send(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            first = await anext(self._lines)
        except Refusal as refusal:
            await refused(refusal)(scope, receive, send)
            return
        if self._stream:
            await self._send_lines(first, send)
        else:
            await (await self._collected(first))(scope, receive, send)

    async def _send_lines(self, first: Json, send: Send) -> None:
        head = [(b"content-type", _NDJSON.encode())]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": encode(first) + b"\n", "more_body": True})
        try:
            async for line in self._lines:
                await send({"type": "http.response.body", "body": encode(line) + b"\n", "more_body": True})
        except Refusal as refusal:
            last = encode({"error": refusal.text}) + b"\n"
            await send({"type": "http.response.body", "body": last, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def _collected(self, first: Json) -> Response:
        lines = [first]
        try:
            async for line in self._lines:
                lines.append(line)
        except Refusal as refusal:
            return refused(refusal)
        return json_response(merged(lines))


async def _disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def json_response(value: Any, status: int = 200) -> Response:
    """Return `value` as a complete response of Ollama."""
    return Response(encode(value), status, {"content-type": _JSON})


def refused(refusal: Refusal) -> Response:
    """Return the response for an error before the first line."""
    return json_response({"error": refusal.text}, refusal.status)
