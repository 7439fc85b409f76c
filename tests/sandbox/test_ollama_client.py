"""The scripted Ollama with the official client, sync and async: its responses, its errors and missing fields."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import ollama
import pytest

MODEL = {"name": "gpt-oss:20b", "thinking": True, "family": "gptoss", "context_length": 131072}
ABSENT = {"name": "mistral:7b", "size": 4_372_824_384, "installed": False}
SCRIPT = {"models": [MODEL, ABSENT], "replies": [{"match": "", "content": "Good day to you."}]}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    script = tmp_path_factory.mktemp("script") / "script.json"
    script.write_text(json.dumps(SCRIPT))
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("OLLAMA", "ERT"))}
    env = {**clean, "OLLAMA_HOST": "127.0.0.1:0", "ERT_OLLAMA_SCRIPT": str(script), "OLLAMA_CONTEXT_LENGTH": "16384"}
    argv = [sys.executable, "-m", "ert_deploy.sandbox.ollama"]
    with subprocess.Popen(argv, env=env, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        yield "http://" + process.stderr.readline().split()[2]
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0


@pytest.fixture
def client(url: str) -> Iterator[ollama.Client]:
    session = ollama.Client(url)
    yield session
    session.close()  # type: ignore[no-untyped-call]


def test_generate_streams_and_comes_whole(client: ollama.Client) -> None:
    whole = client.generate("gpt-oss:20b", "Hello")
    parts = list(client.generate("gpt-oss:20b", "Hello", stream=True))
    assert whole.response == "".join(part.response or "" for part in parts) == "Good day to you."
    assert [part.done for part in parts].count(True) == 1
    assert parts[-1].done_reason == "stop"
    assert (whole.eval_count or 0) > 0
    assert (whole.eval_duration or 0) > 0


def test_chat_streams_thinking_before_content(client: ollama.Client) -> None:
    asked = [{"role": "user", "content": "Hello"}]
    parts = list(client.chat("gpt-oss:20b", asked, stream=True, think="low"))
    kinds = ["thinking" if part.message.thinking else "content" for part in parts if not part.done]
    assert kinds == sorted(kinds, reverse=True)
    assert {"thinking", "content"} == set(kinds)


def test_what_is_on_the_disk_what_is_loaded_and_what_a_model_is(client: ollama.Client) -> None:
    client.generate("gpt-oss:20b", "Hello")
    assert [model.model for model in client.list().models] == ["gpt-oss:20b"]
    (loaded,) = client.ps().models
    assert (loaded.model, loaded.context_length) == ("gpt-oss:20b", 16384)
    shown = client.show("gpt-oss:20b")
    assert "thinking" in (shown.capabilities or [])
    assert shown.modelinfo is not None
    assert shown.modelinfo["gptoss.context_length"] == 131072


def test_a_pull_tells_its_progress_and_ends_in_success(client: ollama.Client) -> None:
    steps = list(client.pull("mistral:7b", stream=True))
    assert steps[0].status == "pulling manifest"
    assert steps[-1].status == "success"
    layer = [step for step in steps if step.total == ABSENT["size"] - 487]  # type: ignore[operator]
    done = [step.completed or 0 for step in layer]
    assert done == sorted(done)
    assert done[-1] == layer[-1].total
    assert "mistral:7b" in [model.model for model in client.list().models]
    client.delete("mistral:7b")


@pytest.mark.parametrize("call", ["chat", "generate", "show"])
def test_an_unknown_model_is_a_404_with_ollamas_words(client: ollama.Client, call: str) -> None:
    ask = {"chat": lambda: client.chat("none:1b", []), "generate": lambda: client.generate("none:1b", "x")}
    with pytest.raises(ollama.ResponseError, match="model 'none:1b' not found") as caught:
        ask.get(call, lambda: client.show("none:1b"))()
    assert caught.value.status_code == 404


def test_embeddings_are_refused_and_not_made_up(client: ollama.Client) -> None:
    with pytest.raises(ollama.ResponseError) as caught:
        client.embed("gpt-oss:20b", "text")
    assert caught.value.status_code == 404


def test_the_version_names_itself_a_sandbox(url: str) -> None:
    import httpx

    assert httpx.get(f"{url}/api/version").json() == {"version": "0.35.0-sandbox"}


def test_the_async_client_gets_the_same(url: str) -> None:
    async def ask() -> str:
        session = ollama.AsyncClient(url)
        try:
            answer = await session.chat("gpt-oss:20b", [{"role": "user", "content": "Hello"}], stream=True)
            return "".join([part.message.content or "" async for part in answer])
        finally:
            await session.close()  # type: ignore[no-untyped-call]

    assert asyncio.run(ask()) == "Good day to you."
