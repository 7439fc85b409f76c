"""Chat API for other apps: OpenAI's `POST /v1/chat/completions` and `GET /v1/models`, with the deployment's key.

A pass-through: nothing is stored, checked or added. `chat_admission` limits the requests; they count as work for the
guard, and the engine's output is cancelled when its client disconnects.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncGenerator, Mapping
from dataclasses import replace
from typing import Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from ert_backend.api import chat_answer as shape
from ert_backend.api.chat_admission import Admission
from ert_backend.api.chat_body import Model, Models
from ert_backend.api.chat_request import BadRequest, ChatRequest, parse
from ert_backend.api.events import first_of
from ert_backend.api.operations import path_of, serves
from ert_backend.api.responses import RETRY_LOADING
from ert_backend.api.thoughts import Splitter
from ert_backend.base.clock import utc_now
from ert_backend.base.http_error import openai_error
from ert_backend.base.routes import NOT_SERVED
from ert_backend.engine.protocol import EngineError, EngineRefused, Piece, PromptTooLong
from ert_backend.service import Service

LARGE = 10_000  # characters of a `Piece` that are processed at once


def chat_routes(app: FastAPI, service: Service) -> None:
    """Add the routes below `/v1`."""
    admission = Admission(service)
    since = int(utc_now().timestamp())

    def card() -> Model:
        name = service.state.model or service.state.wanted
        return {"id": name, "object": "model", "created": since, "owned_by": "ert"}

    @serves(app, "GET", "/v1/models")
    async def models() -> Mapping[str, object]:
        found: Models = {"object": "list", "data": [card()]}
        return found

    @serves(app, "GET", "/v1/models/{model}")
    async def one_model(model: str) -> JSONResponse:
        found = card()
        if model in {found["id"], service.state.wanted}:
            return JSONResponse(found)
        return JSONResponse(openai_error(404, "This machine has no such model", "model", "model_not_found"), 404)

    async def completions(request: Request) -> Response:
        try:
            asked = parse(await request.body())
            _can(service, asked)
        except BadRequest as wrong:
            return _refusal(wrong)
        answer = _Answer(admission, request.scope["ert.key_id"], asked, service)
        return answer if asked.stream else await answer.whole(request)

    async def not_served(_: Request) -> Response:
        text = "This machine serves POST /v1/chat/completions and GET /v1/models only"
        return JSONResponse(openai_error(404, text, None, "not_served"), 404)

    # A plain Starlette route: FastAPI's own takes as long to resolve the call as the rest of the way to the engine.
    app.add_route(path_of("POST", "/v1/chat/completions"), completions, methods=["POST"])
    for name in NOT_SERVED:
        app.add_route(path_of("POST", f"/v1/{name}"), not_served, methods=["POST"])


def _can(service: Service, asked: ChatRequest) -> None:
    """Raise BadRequest for a field that the engine does not support with this model."""
    engine = service.engine
    can = engine.abilities(service.state.model or service.state.wanted)
    for need in asked.needs():
        if need not in can:
            raise BadRequest(f"{engine.title} cannot do this with this model", need)


def _refusal(wrong: BadRequest) -> JSONResponse:
    return JSONResponse(openai_error(400, wrong.message, wrong.param, wrong.code), 400)


def _failure(error: EngineError) -> JSONResponse:
    """Map an engine error to a response: 400 when the client has to change its request, 503 when it may retry."""
    if isinstance(error, PromptTooLong):
        text = "The messages have more tokens than the model's context"
        return _refusal(BadRequest(text, "messages", "context_length_exceeded"))
    if isinstance(error, EngineRefused) and "not support tools" in str(error):
        return _refusal(BadRequest("The model cannot call tools", "tools"))
    if isinstance(error, EngineRefused):
        return _refusal(BadRequest("The engine does not take this request"))
    headers = {"Retry-After": str(RETRY_LOADING)}
    return JSONResponse(openai_error(503, str(error)), 503, headers)


class _Answer(Response):
    """One completion as an ASGI response, streamed or in one object; stops the engine when its client disconnects."""

    def __init__(self, admission: Admission, key: str, body: ChatRequest, service: Service) -> None:
        super().__init__()
        self.admission, self.key, self.asked, self.settings = admission, key, body, service.settings
        self.head = shape.Head(f"chatcmpl-{secrets.token_hex(12)}", int(utc_now().timestamp()), service.state.model)

    async def pieces(self) -> AsyncGenerator[Piece, None]:
        """Yield the engine's output; a single large `Piece` is split, so that the event loop is not blocked."""
        asked, settings = self.asked, self.settings
        sampling = asked.sampling(settings.chat_temperature, settings.chat_tokens)
        stream = self.admission.pieces(self.key, asked.conversation(), asked.given_seed(), asked.form(), sampling)
        async with contextlib.aclosing(stream):
            async for piece in stream:
                text, place = piece.content, 0
                while len(text) - place > LARGE:
                    yield Piece(text[place : place + LARGE])
                    place += LARGE
                    await asyncio.sleep(0)
                yield replace(piece, content=text[place:]) if place else piece

    async def whole(self, request: Request) -> Response:
        """Return the completion as one object."""
        with self.admission.place(self.key):
            work = asyncio.ensure_future(self._collect())
            await first_of(asyncio.shield(work), request.receive())
            if not work.done():
                work.cancel()
                await asyncio.gather(work, return_exceptions=True)
                return JSONResponse(openai_error(499, "The caller left"), 499)
            try:
                return JSONResponse(work.result())
            except EngineError as error:
                return _failure(error)

    async def _collect(self) -> dict[str, Any]:
        found = shape.Whole()
        async with contextlib.aclosing(self.pieces()) as stream:
            async for piece in stream:
                found.take(piece)
        return found.body(self.head)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream the completion. An error before the first piece is a status, a later one is a final `error` event."""
        try:
            with self.admission.place(self.key):
                await first_of(self._stream(send, scope, receive), _left(receive))
        except HTTPException as refused:
            body = openai_error(refused.status_code, str(refused.detail))
            await JSONResponse(body, refused.status_code, refused.headers)(scope, receive, send)

    async def _stream(self, send: Send, scope: Scope, receive: Receive) -> None:
        begun = False
        frames = shape.Frames(self.head, Splitter(), self.asked.usage_apart())
        try:
            async with contextlib.aclosing(self.pieces()) as stream:
                async for piece in stream:
                    if not begun:
                        await send({"type": "http.response.start", "status": 200, "headers": SSE})
                        begun = True
                    if frame := frames.of(piece):
                        await send({"type": "http.response.body", "body": frame, "more_body": True})
            await send({"type": "http.response.body", "body": b"data: [DONE]\n\n"})
        except EngineError as error:
            if not begun:
                await _failure(error)(scope, receive, send)
            else:
                await send({"type": "http.response.body", "body": frames.error(str(error))})


SSE = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-store")]


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
