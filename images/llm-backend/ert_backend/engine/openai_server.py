"""OpenAI-compatible client: a model server on loopback (llama-server, vLLM) as an `LlmEngine`.

Such a server is started with one model: it downloads and unloads none, so `pull` is an error, and every listed model is
in memory. Its context and its slots are set at its start.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import aiohttp
from aiohttp.http import HttpProcessingError

from ert_backend.base.clock import boot_seconds
from ert_backend.engine import openai_wire as wire
from ert_backend.engine.ollama import COUNT, PATIENT, QUICK
from ert_backend.engine.protocol import (
    AS_SET,
    EngineDown,
    EngineError,
    EngineFailed,
    Loaded,
    Message,
    Model,
    ModelMissing,
    NotAsConfigured,
    Piece,
    PullProgress,
    Sampling,
    Usage,
)

ABILITIES = frozenset({"tools", "tool_choice", "response_format", "logprobs", "reasoning_effort"})
VERSIONS = (("/version", "version"), ("/props", "build_info"))
DATA, DONE = b"data:", b"[DONE]"


@dataclass(slots=True)
class OpenAIServer:
    """One server with an open session. `unable`: features that its model's chat template does not support."""

    client: aiohttp.ClientSession
    num_predict: int
    temperature: float = 0.25
    name: str = "openai"
    title: str = "The model server"
    unable: frozenset[str] = frozenset()

    def abilities(self, _: str) -> frozenset[str]:
        """Return all features except those that the server would ignore silently; it rejects the others itself."""
        return ABILITIES - self.unable

    async def version(self) -> str:
        """Return the server's maker and version, if known; raise EngineDown while it still loads."""
        known = wire.maker(await self._get("/v1/models"))
        for path, field in VERSIONS:
            with contextlib.suppress(EngineFailed, ModelMissing):
                told = str((await self._get(path)).get(field) or "")
                return f"{known} {told}".strip()
        return known or "unknown"

    async def models(self) -> list[Model]:
        """GET `/v1/models`."""
        return wire.models(await self._get("/v1/models"))

    async def loaded(self) -> list[Loaded]:
        """GET `/v1/models`: a server that responds has its model in memory."""
        return wire.loaded(await self._get("/v1/models"))

    async def pull(self, model: str) -> AsyncGenerator[PullProgress, None]:
        """Raise NotAsConfigured: the server was started with another model."""
        have = ", ".join(row.name for row in await self.models()) or "none"
        yield PullProgress("looking", 0, 0)
        raise NotAsConfigured(f"the server was not started with {model}; it has {have}")

    async def load(self, model: str) -> None:
        """Check that the server has the model; raise ModelMissing when it does not."""
        if model not in {row.name for row in await self.models()}:
            raise ModelMissing(f"the server does not list {model}")
        with contextlib.suppress(EngineFailed, ModelMissing):
            self.unable = wire.unable(await self._get("/props"))

    async def chat(
        self,
        model: str,
        messages: Sequence[Message],
        seed: int,
        schema: Mapping[str, object] | None = None,
        sampling: Sampling = AS_SET,
    ) -> AsyncGenerator[Piece, None]:
        """POST `/v1/chat/completions`, streamed."""
        drawn = replace(sampling, **self._own(sampling))
        first, now, pieces, reason, last = 0.0, 0.0, 0, "", dict[str, Any]()
        async with contextlib.aclosing(self._events(wire.request(model, messages, seed, schema, drawn))) as events:
            async for event in events:
                piece, ended = wire.piece(event)
                reason = ended or reason
                last |= {key: event[key] for key in ("usage", "timings") if event.get(key)}
                if piece != Piece():
                    now = boot_seconds()
                    first, pieces = first or now, pieces + 1
                    yield piece
        if not reason:
            raise EngineFailed("the response ended early")
        yield Piece(usage=wire.usage(last, pieces, now - first, reason))

    async def measure(self, model: str, tokens: int) -> Usage:
        """Run a short completion of `tokens` tokens."""
        stream = self.chat(model, [Message("user", COUNT)], 0, None, Sampling(limit=tokens))
        async with contextlib.aclosing(stream) as pieces:
            async for piece in pieces:
                if piece.usage is not None:
                    return piece.usage
        raise EngineFailed("the response ended early")

    def _own(self, sampling: Sampling) -> dict[str, Any]:
        """Return the default sampling options."""
        return {
            "temperature": self.temperature if sampling.temperature is None else sampling.temperature,
            "limit": self.num_predict if sampling.limit is None else sampling.limit,
        }

    async def _get(self, path: str) -> Mapping[str, Any]:
        try:
            async with self.client.get(path, timeout=QUICK) as answer:
                value = wire.parsed(await answer.read())
        except (aiohttp.ClientError, TimeoutError) as error:
            raise EngineDown(f"the model server does not respond ({type(error).__name__})") from error
        if answer.status != 200 or value is None:
            raise wire.failure(answer.status, value)
        return value

    async def _events(self, body: Mapping[str, object]) -> AsyncGenerator[Mapping[str, Any], None]:
        """Yield the objects of a stream; raise EngineError when it is rejected or invalid."""
        try:
            async with self.client.post("/v1/chat/completions", json=body, timeout=PATIENT) as answer:
                if answer.status != 200:
                    raise wire.failure(answer.status, wire.parsed(await answer.read()))
                async for line in answer.content:
                    text = line.strip()
                    if text == DATA + b" " + DONE or text == DATA + DONE:
                        return
                    if text.startswith((DATA, b"error:")):
                        yield _object(text)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise EngineDown(f"the connection to the model server broke ({type(error).__name__})") from error
        except HttpProcessingError as error:
            raise EngineFailed("the model server sent a line without an end") from error


def _object(line: bytes) -> Mapping[str, Any]:
    kind, _, text = line.partition(b":")
    value = wire.parsed(text.strip())
    if value is None:
        raise EngineFailed("the model server sent an event that is not a JSON object")
    if kind == b"error":
        failed: EngineError = wire.failure(500, {"error": value})
        raise failed
    return value
