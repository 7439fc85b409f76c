"""The engine's connections: none is used twice, because a server may close it while the next request is sent."""

from __future__ import annotations

import asyncio
import json

import pytest

from ert_backend.engine.ollama import Ollama, session
from ert_backend.engine.openai_server import OpenAIServer
from ert_backend.engine.protocol import LlmEngine, Message

LINE = json.dumps({"message": {"content": "Good day."}, "done": True, "done_reason": "stop"})
EVENTS = 'data: {"choices": [{"delta": {"content": "Good day."}, "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n'
BODIES = {
    "/api/version": "{}",
    "/api/tags": '{"models": []}',
    "/api/chat": LINE + "\n",
    "/v1/models": '{"data": []}',
    "/props": "{}",
    "/v1/chat/completions": EVENTS,
}


async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Serve one request as if the connection stayed open; close it when the next one arrives, without a response."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next((int(line[15:]) for line in head.splitlines() if line.lower().startswith("content-length:")), 0)
        await reader.readexactly(length)
        body = BODIES[head.split()[1]].encode()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await reader.read(1)
    finally:
        writer.close()


@pytest.mark.parametrize("ollama", [True, False], ids=["ollama", "openai"])
def test_a_connection_that_closes_under_the_next_request_fails_no_chat(ollama: bool) -> None:
    async def go() -> list[str]:
        server = await asyncio.start_server(once, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server, session(f"http://127.0.0.1:{port}") as client:
            engine: LlmEngine = Ollama(client, 4096, 64) if ollama else OpenAIServer(client, 64)
            await engine.models()
            return [
                "".join([piece.content async for piece in engine.chat("m", [Message("user", "Hello")], 1)])
                for _ in range(3)
            ]

    assert asyncio.run(go()) == ["Good day."] * 3
