"""The model itself for other apps: `POST /v1/chat/completions` and `GET /v1/models` in OpenAI's shape, with our key.

A pass-through: nothing is stored, checked or added. `chat_admission` says which may begin; they count as work for the
guard, and an answer whose reader has left is cancelled in the engine.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
from collections.abc import AsyncGenerator
from typing import Annotated, Any, Literal

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.types import Receive, Scope, Send

from ert_backend.api.chat_admission import Admission
from ert_backend.api.events import first_of
from ert_backend.api.responses import RETRY_LOADING
from ert_backend.base.clock import utc_now
from ert_backend.engine.protocol import EngineError, Message, Piece, Sampling, Usage
from ert_backend.service import Service

_JSON = json.JSONEncoder(separators=(",", ":")).encode
REASONS = {"length": "length"}
Text = Annotated[str, Field(max_length=400_000)]


class Turn(BaseModel):
    """One message; only text."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    role: Literal["system", "user", "assistant", "developer"]
    content: Text


class ChatRequest(BaseModel):
    """What is used of OpenAI's request; the model is always the one this machine has."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    # A list: the one that is too long is refused at the first turn beyond, and not after each has been judged.
    messages: Annotated[list[Turn], Field(min_length=1, max_length=200)]
    stream: bool = False
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    max_tokens: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None
    stop: Annotated[tuple[Annotated[str, Field(min_length=1, max_length=64)], ...], Field(max_length=4)] = ()


def chat_routes(app: FastAPI, service: Service) -> None:
    """Add the two routes."""
    admission = Admission(service)

    @app.get("/v1/models")
    async def models() -> dict[str, Any]:
        name = service.state.model or service.state.wanted
        return {"object": "list", "data": [{"id": name, "object": "model", "owned_by": "ert"}]}

    async def completions(request: Request) -> Response:
        try:
            asked = ChatRequest.model_validate_json(await request.body())
        except ValidationError as error:
            raise RequestValidationError([{**p, "loc": ("body", *p["loc"])} for p in error.errors()]) from None
        answer = _Answer(admission, request.scope["ert.key_id"], asked, service)
        return answer if asked.stream else await answer.whole(request)

    # Starlette's own route: FastAPI's takes as long to find out what to call as the rest of the way to the engine.
    app.add_route("/v1/chat/completions", completions, methods=["POST"])


class _Answer(Response):
    """One completion, as an ASGI response that stops the engine when its reader leaves, or as a whole."""

    def __init__(self, admission: Admission, key: str, body: ChatRequest, service: Service) -> None:
        super().__init__()
        self.admission, self.key, self.asked = admission, key, body
        self.id, self.created = f"chatcmpl-{secrets.token_hex(12)}", int(utc_now().timestamp())
        self.model = service.state.model
        self.opening = _JSON(self._head("chat.completion.chunk"))[:-1].encode()

    def pieces(self) -> AsyncGenerator[Piece, None]:
        """The engine's answer."""
        asked = self.asked
        turns = [Message("system" if t.role == "developer" else t.role, t.content) for t in asked.messages]
        sampling = Sampling(asked.temperature, asked.max_completion_tokens or asked.max_tokens, asked.stop)
        seed = secrets.randbelow(2**31) if asked.seed is None else asked.seed
        return self.admission.pieces(self.key, turns, seed, sampling)

    async def whole(self, request: Request) -> JSONResponse:
        """All of it in one object."""
        with self.admission.place(self.key):
            work = asyncio.ensure_future(self._collect())
            await first_of(asyncio.shield(work), request.receive())
            if not work.done():
                work.cancel()
                await asyncio.gather(work, return_exceptions=True)
                return JSONResponse({"detail": "The caller left"}, 499)
            try:
                return JSONResponse(work.result())
            except EngineError as error:
                raise HTTPException(503, str(error), {"Retry-After": str(RETRY_LOADING)}) from None

    async def _collect(self) -> dict[str, Any]:
        text, usage = "", Usage(0, 0, 0.0, "stop")
        async with contextlib.aclosing(self.pieces()) as stream:
            async for piece in stream:
                text, usage = text + piece.content, piece.usage or usage
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "message": message, "finish_reason": REASONS.get(usage.reason, "stop")}
        return {**self._head("chat.completion"), "choices": [choice], "usage": _usage(usage)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream. What goes wrong before the first piece is a status, after it a last `error` event."""
        try:
            with self.admission.place(self.key):
                await first_of(self._stream(send, scope, receive), _left(receive))
        except HTTPException as refused:
            await JSONResponse({"detail": refused.detail}, refused.status_code, refused.headers)(scope, receive, send)

    async def _stream(self, send: Send, scope: Scope, receive: Receive) -> None:
        begun = False
        try:
            async with contextlib.aclosing(self.pieces()) as stream:
                async for piece in stream:
                    if not begun:
                        await send({"type": "http.response.start", "status": 200, "headers": SSE})
                        begun = True
                    if frame := self._frame(piece):
                        await send({"type": "http.response.body", "body": frame, "more_body": True})
            await send({"type": "http.response.body", "body": b"data: [DONE]\n\n"})
        except EngineError as error:
            if not begun:
                headers = {"Retry-After": str(RETRY_LOADING)}
                await JSONResponse({"detail": str(error)}, 503, headers)(scope, receive, send)
            else:
                body = json.dumps({"error": {"message": str(error), "type": "engine_error"}})
                await send({"type": "http.response.body", "body": f"data: {body}\n\n".encode()})

    def _frame(self, piece: Piece) -> bytes:
        delta: dict[str, str] = {"content": piece.content} if piece.content else {}
        if piece.thinking:
            delta["reasoning_content"] = piece.thinking
        if not delta and piece.usage is None:
            return b""
        reason = REASONS.get(piece.usage.reason, "stop") if piece.usage else None
        more: dict[str, Any] = {"choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}
        if piece.usage is not None:
            more["usage"] = _usage(piece.usage)
        return b"data: %b,%b\n\n" % (self.opening, _JSON(more)[1:].encode())

    def _head(self, kind: str) -> dict[str, Any]:
        return {"id": self.id, "object": kind, "created": self.created, "model": self.model}


SSE = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-store")]


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _usage(usage: Usage) -> dict[str, int]:
    counts = (usage.prompt_tokens, usage.completion_tokens)
    return {"prompt_tokens": counts[0], "completion_tokens": counts[1], "total_tokens": sum(counts)}
