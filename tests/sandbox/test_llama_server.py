"""llama.cpp's own OpenAI server as a sandbox process, with the toy model: the engine port works on it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ert_backend.engine.ollama import session
from ert_backend.engine.openai_server import OpenAIServer
from ert_backend.engine.protocol import Message, PromptTooLong, Sampling
from ert_deploy.sandbox.ollama.weights import toy_model
from tests.support.llm_engine.servers import CONTEXT, llama_server

pytestmark = pytest.mark.process


def test_the_engine_port_works_on_it(tmp_path: Path) -> None:
    model = toy_model(tmp_path)

    async def go(url: str) -> None:
        async with session(url, reuse=False) as client:
            engine = OpenAIServer(client, 16)
            await engine.load(model.name)
            (row,) = await engine.loaded()
            assert (row.name, row.context) == (model.name, CONTEXT)
            assert "sandbox" in await engine.version()
            pieces = [
                piece async for piece in engine.chat(model.name, [Message("user", "x")], 1, None, Sampling(0.0, 5))
            ]
            usage = pieces[-1].usage
            assert usage is not None
            assert (usage.completion_tokens, usage.reason) == (5, "length")
            with pytest.raises(PromptTooLong):
                async for _ in engine.chat(model.name, [Message("user", "x" * 2 * CONTEXT)], 1):
                    pass

    with llama_server(model, tmp_path) as url:
        asyncio.run(go(url))


@pytest.mark.parametrize(
    ("arguments", "host", "status", "said"),
    [
        ([], "127.0.0.1:0", 2, "usage: "),
        (["/nothing.gguf", "x"], "8.8.8.8:80", 1, "not on this machine"),
        (["/nothing.gguf", "x"], "127.0.0.1:0", 1, "Error: "),
    ],
)
def test_what_cannot_be_started_is_said(arguments: list[str], host: str, status: int, said: str) -> None:
    command = [sys.executable, "-m", "ert_deploy.sandbox.ollama.llama_server", *arguments]
    env = {**os.environ, "ERT_ENGINE_HOST": host}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == status
    assert said in done.stderr
