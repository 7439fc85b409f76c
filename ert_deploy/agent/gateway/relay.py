"""Relay: passes a response of the backend on as it arrives, byte for byte."""

from __future__ import annotations

from ert_deploy.agent.gateway.client import STREAM, Client, Gone
from ert_deploy.agent.gateway.refusal import Refused, of_backend
from ert_deploy.app.gateway.upstream import Broken, Reply

PASSED = ("content-type", "content-length", "retry-after", "x-request-id")
MOST_ERROR = 64 * 1024  # bytes of an error that are passed on as an event


async def relay(reply: Reply, client: Client) -> None:
    """Pass the response on. Raises Gone, or an error for the client of a stream that has begun."""
    streams = reply.headers.get("content-type", "").startswith("text/event-stream")
    if client.begun and (reply.status != 200 or not streams):
        raise of_backend(reply.status, await _whole(reply))
    if not client.begun:
        found = {name: value for name, value in reply.headers.items() if name in PASSED}
        await client.begin(
            reply.status, found | ({"X-Accel-Buffering": STREAM["X-Accel-Buffering"]} if streams else {})
        )
    try:
        async for piece in reply.pieces():
            await client.write(piece)
    except Broken as broken:
        if not streams:
            raise Gone from None  # its client sees an incomplete response
        raise Refused(502, "backend_broke", f"the backend broke off the stream: {broken}") from None
    await client.end()


async def _whole(reply: Reply) -> bytes:
    found = bytearray()
    try:
        async for piece in reply.pieces():
            found += piece
            if len(found) > MOST_ERROR:
                break
    except Broken:
        return b""
    return bytes(found)
