"""Ollama's routes as an ASGI application, for a model catalog and an engine.

A disconnected client cancels its generation or download. An error before the first line is returned as a status, a
later one as a last line `{"error": ...}` with status 200. Not implemented: embeddings, blobs, create, copy, push and
the compatible `/v1` routes.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from ert_deploy.sandbox.ollama.engine import Finish, Job, Piece
from ert_deploy.sandbox.ollama.runner import Runner
from ert_deploy.sandbox.ollama.store import Catalogue, find
from ert_deploy.sandbox.ollama.stream import Stream, json_response, refused
from ert_deploy.sandbox.ollama.wire import (
    Json,
    Model,
    Refusal,
    chat_line,
    finished,
    generate_line,
    host_allowed,
    keep_alive,
    normalised,
    parse_body,
    show_entry,
    tag_entry,
)

VERSION = "0.35.0-sandbox"
Line = Callable[[Piece], Json]


class Api:
    """The request handlers."""

    def __init__(self, catalogue: Catalogue, runner: Runner) -> None:
        self.catalogue, self.runner = catalogue, runner

    async def root(self, _: Request) -> Response:
        """`Ollama is running`."""
        return Response("Ollama is running", media_type="text/plain")

    async def version(self, _: Request) -> Response:
        """Return a version that cannot be confused with a release."""
        return json_response({"version": VERSION})

    async def tags(self, _: Request) -> Response:
        """Return the installed models."""
        return json_response({"models": [tag_entry(m) for m in self.catalogue.models()]})

    async def ps(self, _: Request) -> Response:
        """Return the loaded models."""
        return json_response({"models": self.runner.processes()})

    async def show(self, request: Request) -> Response:
        """Return the details of one model."""
        body = parse_body(await request.body())
        return json_response(show_entry(find(self.catalogue, _name(body))))

    async def delete(self, request: Request) -> Response:
        """Delete a model from the disk. Raises `Refusal` 404 if it does not exist."""
        name = _name(parse_body(await request.body()))
        if not self.catalogue.delete(normalised(name)):
            raise Refusal(404, f"model '{name}' not found")
        return Response(status_code=200)

    async def pull(self, request: Request) -> ASGIApp:
        """Download a model."""
        body = parse_body(await request.body())
        return Stream(self.catalogue.pull(normalised(_name(body))), body.get("stream") is not False)

    async def chat(self, request: Request) -> ASGIApp:
        """Generate a chat message, or load or unload the model if there are no messages."""
        body = parse_body(await request.body())
        name, model, keep = self._target(body)
        messages = body.get("messages") or []

        def line(piece: Piece) -> Json:
            return chat_line(name, piece.content, piece.thinking)

        if not messages:
            return await self._load_or_unload(body, model, keep, line)
        return self._answer(body, model, keep, Job(messages=_checked(messages), **_common(body, model)), line)

    async def generate(self, request: Request) -> ASGIApp:
        """Generate a completion, or load or unload the model if there is no prompt."""
        body = parse_body(await request.body())
        name, model, keep = self._target(body)
        prompt, system = str(body.get("prompt") or ""), body.get("system")

        def line(piece: Piece) -> Json:
            return generate_line(name, piece.content, piece.thinking)

        if not prompt:
            return await self._load_or_unload(body, model, keep, line)
        turns = [{"role": "system", "content": str(system)}] if system else []
        turns.append({"role": "user", "content": prompt})
        job = Job(messages=turns, raw=prompt if body.get("raw") else None, **_common(body, model))
        return self._answer(body, model, keep, job, line)

    def _target(self, body: Json) -> tuple[str, Model, float]:
        name = _name(body)
        model = find(self.catalogue, name)
        return name, model, keep_alive(body.get("keep_alive"), self.runner.limits.keep_alive)

    async def _load_or_unload(self, body: Json, model: Model, keep: float, line: Line) -> Response:
        if body.get("keep_alive") is not None and keep == 0:
            self.runner.unload(model)
            return json_response(finished(line(Piece()), "unload"))
        async with self.runner.session(model, _options(body), keep):
            return json_response(finished(line(Piece()), "load"))

    def _answer(self, body: Json, model: Model, keep: float, job: Job, line: Line) -> ASGIApp:
        return Stream(self._lines(model, keep, job, line), body.get("stream") is not False)

    async def _lines(self, model: Model, keep: float, job: Job, line: Line) -> AsyncGenerator[Json, None]:
        start = time.monotonic_ns()
        async with self.runner.session(model, dict(job.options), keep) as session:
            loaded = time.monotonic_ns()
            async with aclosing(session.run(job)) as answer:
                async for item in answer:
                    if isinstance(item, Finish):
                        took = time.monotonic_ns() - start
                        metrics = replace(item.metrics, total_duration=took, load_duration=loaded - start)
                        yield finished(line(Piece()), item.reason, metrics)
                    else:
                        yield line(item)


def _name(body: Json) -> str:
    name = body.get("model") or body.get("name") or ""
    if not isinstance(name, str) or not name:
        raise Refusal(400, "model is required")
    return name


def _options(body: Json) -> Json:
    options = body.get("options") or {}
    if not isinstance(options, dict):
        raise Refusal(400, "json: cannot unmarshal value into Go struct field .options of type map[string]interface {}")
    return options


def _common(body: Json, model: Model) -> Json:
    think = body.get("think")
    if think not in (None, False, "") and not model.thinks:
        raise Refusal(400, f'"{body.get("model")}" does not support thinking')
    if body.get("tools") and "tools" not in model.capabilities:
        raise Refusal(400, f'"{body.get("model")}" does not support tools')
    return {
        "options": _options(body),
        "format": body.get("format"),
        "think": think,
        "truncate": body.get("truncate") is not False,
    }


def _checked(messages: Any) -> list[Json]:
    if not isinstance(messages, list) or not all(isinstance(m, dict) for m in messages):
        raise Refusal(400, "json: cannot unmarshal value into Go struct field ChatRequest.messages of type api.Message")
    for message in messages:
        if message.get("role") not in ("system", "user", "assistant", "tool"):
            raise Refusal(400, 'invalid role, must be one of ["system", "user", "assistant", "tool"]')
    return messages


Handler = Callable[[Request], Awaitable[Any]]


def _endpoint(handler: Handler) -> Handler:
    async def guarded(request: Request) -> Any:
        if not host_allowed(request.headers.get("host", "")):
            return Response(status_code=403)
        try:
            return await handler(request)
        except Refusal as refusal:
            return refused(refusal)

    return guarded


async def _not_found(_: Request, __: Exception) -> Response:
    return Response("404 page not found", 404, media_type="text/plain")


async def _wrong_method(_: Request, __: Exception) -> Response:
    return Response("405 method not allowed", 405, media_type="text/plain")


def make_app(catalogue: Catalogue, runner: Runner) -> Starlette:
    """Return the application; `runner` must belong to the event loop that serves it."""
    api = Api(catalogue, runner)
    routes = [
        Route("/", _endpoint(api.root), methods=["GET"]),
        Route("/api/version", _endpoint(api.version), methods=["GET"]),
        Route("/api/tags", _endpoint(api.tags), methods=["GET"]),
        Route("/api/ps", _endpoint(api.ps), methods=["GET"]),
        Route("/api/show", _endpoint(api.show), methods=["POST"]),
        Route("/api/pull", _endpoint(api.pull), methods=["POST"]),
        Route("/api/delete", _endpoint(api.delete), methods=["DELETE"]),
        Route("/api/chat", _endpoint(api.chat), methods=["POST"]),
        Route("/api/generate", _endpoint(api.generate), methods=["POST"]),
    ]
    return Starlette(routes=routes, exception_handlers={404: _not_found, 405: _wrong_method})
