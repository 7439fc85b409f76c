"""Equivalence of the Ollama double and llama.cpp's own OpenAI server for one model, also through the engine port."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest

from ert_backend.engine.ollama import Ollama, session
from ert_backend.engine.openai_server import OpenAIServer
from ert_backend.engine.protocol import LlmEngine, Message, Piece, PromptTooLong, Sampling, Usage
from ert_deploy.sandbox.ollama.weights import ModelFile
from tests.support.llm_engine.servers import CONTEXT, post

pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]
HELLO = [{"role": "user", "content": "Say hello to Anna."}]
GREEDY = {"temperature": 0.0, "seed": 7}
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string", "enum": ["Oslo", "Paris"]}},
    "required": ["city"],
    "additionalProperties": False,
}


def both(
    llama: str, double: str, model: ModelFile, ask: Callable[[LlmEngine], Awaitable[list[Piece]]]
) -> tuple[list[Piece], list[Piece]]:
    """Return the output of the port for each of the two servers."""

    async def go() -> tuple[list[Piece], list[Piece]]:
        async with session(llama) as one, session(double) as two:
            server, ollama = OpenAIServer(one, 64, 0.0), Ollama(two, CONTEXT, 64, "low", 0.0)
            await ollama.load(model.name)
            await server.load(model.name)
            return await ask(server), await ask(ollama)

    return asyncio.run(go())


def usage(pieces: list[Piece]) -> Usage:
    found = pieces[-1].usage
    assert found is not None
    return found


def text(pieces: list[Piece]) -> str:
    return "".join(piece.content for piece in pieces)


def test_the_same_words_come_where_nothing_is_left_to_chance(llama: str, double: str, model: ModelFile) -> None:
    """Both have different defaults (llama.cpp's and Ollama's), so every option is set explicitly."""
    drawn = {**GREEDY, "top_k": 1, "top_p": 1.0, "min_p": 0.0, "repeat_penalty": 1.0}
    server = post(f"{llama}/v1/chat/completions", {"model": model.name, "messages": HELLO, "max_tokens": 12, **drawn})
    options = {**drawn, "num_predict": 12, "num_ctx": CONTEXT}
    ollama = post(f"{double}/api/chat", {"model": model.name, "messages": HELLO, "stream": False, "options": options})
    assert server["choices"][0]["message"]["content"] == ollama["message"]["content"]
    assert server["choices"][0]["finish_reason"] == ollama["done_reason"] == "length"
    assert server["usage"]["completion_tokens"] == ollama["eval_count"] == 12
    assert server["usage"]["prompt_tokens"] == ollama["prompt_eval_count"]


def test_the_port_gives_the_same_shape_and_the_same_account(llama: str, double: str, model: ModelFile) -> None:
    async def ask(engine: LlmEngine) -> list[Piece]:
        said = [Message("system", "You are short."), Message("user", "Name a colour.")]
        return [piece async for piece in engine.chat(model.name, said, 7, None, Sampling(0.0, 4))]

    server, ollama = both(llama, double, model, ask)
    for pieces in (server, ollama):
        assert text(pieces)
        assert not any(piece.thinking or piece.calls for piece in pieces)
        assert (usage(pieces).completion_tokens, usage(pieces).reason) == (4, "length")
        assert usage(pieces).decode_seconds > 0
    assert usage(server).prompt_tokens == usage(ollama).prompt_tokens > 10


def test_both_hold_to_a_schema(llama: str, double: str, model: ModelFile) -> None:
    async def ask(engine: LlmEngine) -> list[Piece]:
        turns = [Message("user", "Which city? Answer in JSON.")]
        return [piece async for piece in engine.chat(model.name, turns, 7, SCHEMA, Sampling(0.0, 40))]

    for pieces in both(llama, double, model, ask):
        assert json.loads(text(pieces))["city"] in {"Oslo", "Paris"}
        assert usage(pieces).reason == "stop"


def test_both_stop_at_a_word_of_the_caller(llama: str, double: str, model: ModelFile) -> None:
    async def ask(engine: LlmEngine) -> list[Piece]:
        turns = [Message("user", "Count: 1, 2, 3, 4")]
        return [piece async for piece in engine.chat(model.name, turns, 7, None, Sampling(0.0, 40, (" ",)))]

    for pieces in both(llama, double, model, ask):
        assert " " not in text(pieces)
        assert usage(pieces).reason == "stop"


def test_both_refuse_a_prompt_beyond_the_context(llama: str, double: str, model: ModelFile) -> None:
    async def ask(engine: LlmEngine) -> list[Piece]:
        with pytest.raises(PromptTooLong):
            async for _ in engine.chat(model.name, [Message("user", "word " * 3 * CONTEXT)], 7):
                pass
        return []

    both(llama, double, model, ask)


def test_both_have_the_model_with_the_context_they_were_given(llama: str, double: str, model: ModelFile) -> None:
    async def ask(engine: LlmEngine) -> list[Piece]:
        (row,) = await engine.loaded()
        assert (row.name, row.context) == (model.name, CONTEXT)
        assert row.size > 50_000_000
        assert "sandbox" in await engine.version()
        assert (await engine.measure(model.name, 8)).completion_tokens == 8
        return []

    both(llama, double, model, ask)
