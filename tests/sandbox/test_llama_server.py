"""llama.cpp's own OpenAI server as a sandbox process, with the `toy` model: the engine port works on it."""

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
from ert_deploy.sandbox.ollama.__main__ import settings_from
from ert_deploy.sandbox.ollama.weights import toy_model
from tests.support.llm_engine.servers import CONTEXT, llama_server

pytestmark = pytest.mark.process


def test_the_engine_port_works_on_it(tmp_path: Path) -> None:
    model = toy_model(tmp_path)

    async def go(url: str) -> None:
        async with session(url) as client:
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
        *(
            (["/nothing.gguf", "x"], host, 1, "is not on loopback")
            for host in ("8.8.8.8:80", "10.1.2.3:80", "0.0.0.0:0", "[::]:0", "model.internal:80")
        ),
        (["/nothing.gguf", "x"], "127.0.0.1:0", 1, "Error: "),
    ],
)
def test_what_cannot_be_started_is_said(arguments: list[str], host: str, status: int, said: str) -> None:
    command = [sys.executable, "-m", "ert_deploy.sandbox.ollama.llama_server", *arguments]
    env = {**os.environ, "ERT_ENGINE_HOST": host}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == status
    assert said in done.stderr


@pytest.mark.parametrize("host", ["0.0.0.0", "0.0.0.0:11434", "192.168.1.7:0", "ollama.local:0", "http://[::]:0"])
def test_the_ollama_double_listens_on_loopback_only(host: str) -> None:
    with pytest.raises(ValueError, match=r"OLLAMA_HOST: .* is not on loopback"):
        settings_from({"OLLAMA_HOST": host})


@pytest.mark.parametrize("host", ["", "127.0.0.1:0", "localhost:11434", "http://[::1]:0"])
def test_the_ollama_double_takes_every_form_of_loopback(host: str) -> None:
    assert settings_from({"OLLAMA_HOST": host}).port in (0, 11434)
