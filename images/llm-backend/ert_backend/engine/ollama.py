"""Ollama client: the native HTTP API (docs/api in ollama/ollama) as an `LlmEngine`.

It uses `/api/chat` only, the one endpoint where a thinking model thinks first. Loading and generating send the same
runner options, because any difference makes Ollama reload the model; `truncate` and `shift` are off, because an error
is better than a silently truncated prompt. Errors may occur under status 200, during a stream.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp.http import HttpProcessingError

from ert_backend.engine import ollama_wire as wire
from ert_backend.engine.protocol import (
    AS_SET,
    EngineDown,
    EngineFailed,
    Loaded,
    Message,
    Model,
    Piece,
    PullProgress,
    Sampling,
    Usage,
)

QUICK = aiohttp.ClientTimeout(total=10.0, sock_connect=5.0)
# A pull sends data often; a load is silent until it is done, and so is a prompt until the first token.
PATIENT = aiohttp.ClientTimeout(total=None, sock_connect=5.0, sock_read=600.0)
# The end of a response follows its last line at once; closing before it would look like a cancelled request.
LAST_WAIT = 0.5
LONGEST_LINE = 2**20
COUNT = "Count from one to one hundred, in words."
ABILITIES = frozenset({"tools", "response_format"})
EFFORTS = {"minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "high"}


@dataclass(frozen=True, slots=True)
class Ollama:
    """One Ollama server with an open session (`session`)."""

    client: aiohttp.ClientSession
    context: int
    num_predict: int
    think: str = "low"
    temperature: float = 0.25
    name: str = "ollama"
    title: str = "Ollama"

    def abilities(self, model: str) -> frozenset[str]:
        """Return the supported features; `reasoning_effort` only for models with levels of it."""
        return ABILITIES | {"reasoning_effort"} if wire.has_levels(model) else ABILITIES

    async def version(self) -> str:
        """GET `/api/version`."""
        return str((await self._get("/api/version")).get("version", ""))

    async def models(self) -> list[Model]:
        """GET `/api/tags`."""
        rows = wire.rows(await self._get("/api/tags"))
        return [Model(wire.name_of(row), str(row.get("digest", "")), wire.count(row.get("size"))) for row in rows]

    async def loaded(self) -> list[Loaded]:
        """GET `/api/ps`."""
        rows = wire.rows(await self._get("/api/ps"))
        return [
            Loaded(
                wire.name_of(row),
                str(row.get("digest", "")),
                wire.count(row.get("size")),
                wire.count(row.get("size_vram")),
                wire.count(row.get("context_length")),
            )
            for row in rows
        ]

    async def pull(self, model: str) -> AsyncGenerator[PullProgress, None]:
        """POST `/api/pull`. Ollama counts per layer, this returns the sums. Only `success` is success."""
        done: dict[str, int] = {}
        total: dict[str, int] = {}
        status = ""
        async with contextlib.aclosing(self._stream("/api/pull", {"model": model, "stream": True})) as lines:
            async for line in lines:
                status = str(line.get("status", ""))
                if digest := str(line.get("digest", "")):
                    done[digest] = wire.count(line.get("completed"))
                    total[digest] = wire.count(line.get("total"))
                yield PullProgress(status, sum(done.values()), sum(total.values()))
        if status != "success":
            raise EngineFailed(f"the download finished with {status or 'nothing'!r} and not with success")

    async def load(self, model: str) -> None:
        """POST `/api/chat` without messages: Ollama loads the model and returns `done_reason: load`."""
        done = False
        async with contextlib.aclosing(self._stream("/api/chat", self._chat_body(model, [], 0))) as lines:
            async for line in lines:
                done = done or line.get("done") is True
        if not done:
            raise EngineFailed("the model did not load: the response ended early")

    async def chat(
        self,
        model: str,
        messages: Sequence[Message],
        seed: int,
        schema: Mapping[str, object] | None = None,
        sampling: Sampling = AS_SET,
    ) -> AsyncGenerator[Piece, None]:
        """POST `/api/chat`. A schema constrains the output after the thinking; it is no runner option: no reload."""
        form: object = schema or ("json" if sampling.json else None)
        body = self._chat_body(model, messages, seed, sampling) | ({"format": form} if form else {})
        done = False
        async with contextlib.aclosing(self._stream("/api/chat", body)) as lines:
            async for line in lines:
                message = line.get("message")
                if isinstance(message, dict):
                    said, thought = str(message.get("content") or ""), str(message.get("thinking") or "")
                    yield Piece(said, thought, calls=wire.calls(message.get("tool_calls")))
                if line.get("done") is True:
                    done = True
                    yield Piece(usage=wire.usage(line))
        if not done:
            raise EngineFailed("the response ended before its last line")

    async def measure(self, model: str, tokens: int) -> Usage:
        """POST `/api/chat` with a small `num_predict`, which is no runner option and causes no reload."""
        body = self._chat_body(model, [Message("user", COUNT)], 0, Sampling(limit=tokens))
        async with contextlib.aclosing(self._stream("/api/chat", body)) as lines:
            async for line in lines:
                if line.get("done") is True:
                    return wire.usage(line)
        raise EngineFailed("the response ended before its last line")

    def _chat_body(
        self, model: str, messages: Sequence[Message], seed: int, sampling: Sampling = AS_SET
    ) -> dict[str, object]:
        options: dict[str, object] = {
            "num_ctx": self.context,
            "num_predict": self.num_predict if sampling.limit is None else sampling.limit,
            "temperature": self.temperature if sampling.temperature is None else sampling.temperature,
            "seed": seed,
        }
        options |= {"stop": list(sampling.stop)} if sampling.stop else {}
        for option in ("top_p", "frequency_penalty", "presence_penalty"):
            if (value := getattr(sampling, option)) is not None:
                options[option] = value
        body: dict[str, object] = {
            "model": model,
            "messages": [wire.turn(message) for message in messages],
            "stream": True,
            "options": options,
            "truncate": False,
            "shift": False,
            "keep_alive": -1,
        }
        if sampling.tools:
            body["tools"] = list(sampling.tools)
        if wire.has_levels(model):
            body["think"] = EFFORTS.get(sampling.effort or "", self.think)
        return body

    async def _get(self, path: str) -> Mapping[str, Any]:
        try:
            async with self.client.get(path, timeout=QUICK) as answer:
                value = json.loads(await answer.read())
        except (aiohttp.ClientError, TimeoutError) as error:
            raise EngineDown(f"Ollama does not respond ({type(error).__name__})") from error
        except ValueError as error:
            raise EngineFailed("Ollama returned a response that is not JSON") from error
        if answer.status != 200 or not isinstance(value, dict):
            raise wire.refusal(answer.status, value)
        return value

    async def _stream(self, path: str, body: Mapping[str, object]) -> AsyncGenerator[Mapping[str, Any], None]:
        try:
            async with self.client.post(path, json=body, timeout=PATIENT) as answer:
                if answer.status != 200:
                    raise wire.refusal(answer.status, wire.parsed(await answer.read()))
                async for line in answer.content:
                    if line.strip():
                        yield (value := wire.parsed_line(line))
                        if value.get("done") is True:
                            await _to_its_end(answer)
                            return
        except (aiohttp.ClientError, TimeoutError) as error:
            raise EngineDown(f"the connection to Ollama broke ({type(error).__name__})") from error
        except HttpProcessingError as error:
            raise EngineFailed("Ollama sent a line without an end") from error


def session(url: str) -> aiohttp.ClientSession:
    """Create a session for one engine: no cookies, no proxies of the environment, no connection limit.

    Each request has its own connection, because a server may close an idle one while the next request is being sent.
    """
    return aiohttp.ClientSession(
        url,
        connector=aiohttp.TCPConnector(limit=0, force_close=True),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"Accept-Encoding": "identity"},
        read_bufsize=LONGEST_LINE,
    )


async def _to_its_end(answer: aiohttp.ClientResponse) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LAST_WAIT):
            await answer.content.readany()
