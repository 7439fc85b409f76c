"""The sandbox's Ollama with a real engine: a toy GGUF by default, SmolLM2 when it is in the cache."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import ollama
import pytest

from ert_deploy.sandbox.ollama.engine import Job, Piece
from ert_deploy.sandbox.ollama.llama import LlamaSession
from ert_deploy.sandbox.ollama.weights import TOY, ModelFile, cached_model, default_cache, toy_model

SCHEMA = {
    "type": "object",
    "properties": {"grade": {"enum": ["buy", "hold", "sell"]}, "points": {"type": "integer"}},
    "required": ["grade", "points"],
}


@contextmanager
def serving(model: ModelFile, disk: Path, rate: int = 1000) -> Iterator[ollama.Client]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("OLLAMA", "ERT"))}
    env = {
        "OLLAMA_HOST": "127.0.0.1:0",
        "OLLAMA_MODELS": str(disk),
        "OLLAMA_CONTEXT_LENGTH": "2048",
        "ERT_SANDBOX_MODELS": str(model.path.parent),
        "ERT_SANDBOX_PULL_MBPS": str(rate),
    }
    argv = [sys.executable, "-m", "ert_deploy.sandbox.ollama"]
    with subprocess.Popen(argv, env={**clean, **env}, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        client = ollama.Client(f"http://{process.stderr.readline().split()[2]}")
        try:
            yield client
        finally:
            client.close()  # type: ignore[no-untyped-call]
            process.terminate()
    assert process.returncode == 0


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> ModelFile:
    return toy_model(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("disk")


@pytest.fixture(scope="module")
def client(toy: ModelFile, disk: Path) -> Iterator[ollama.Client]:
    with serving(toy, disk) as client:
        client.pull(TOY)
        yield client


def test_a_pulled_model_is_listed_under_its_own_digest_and_size(client: ollama.Client, toy: ModelFile) -> None:
    (listed,) = client.list().models
    assert (listed.model, listed.digest) == (TOY, toy.digest)
    assert listed.size is not None
    assert 0 < listed.size - toy.size < 1000
    assert listed.details is not None
    assert listed.details.family == "llama"


def test_show_reads_the_file_itself(client: ollama.Client) -> None:
    shown = client.show(TOY)
    assert shown.modelinfo is not None
    assert shown.modelinfo["llama.context_length"] == 32768
    assert shown.template is not None
    assert "messages" in shown.template


def test_a_chat_is_generated_and_accounted_for(client: ollama.Client) -> None:
    messages = [{"role": "user", "content": "Say something."}]
    parts = list(client.chat(TOY, messages=messages, stream=True, options={"num_predict": 12, "seed": 3}))
    last = parts[-1]
    assert (last.done, last.done_reason, last.eval_count) == (True, "length", 12)
    assert last.prompt_eval_count is not None
    assert last.prompt_eval_count > len("Say something.")
    assert last.total_duration is not None
    assert last.eval_duration is not None
    assert last.total_duration >= last.eval_duration > 0


def test_the_same_seed_writes_the_same(client: ollama.Client) -> None:
    options = {"num_predict": 16, "seed": 7, "temperature": 0.9}
    first, second = (client.generate(TOY, "Again", options=options).response for _ in range(2))
    assert first == second
    assert client.generate(TOY, "Again", raw=True, options=options).done_reason == "length"


def test_a_schema_binds_even_a_model_that_writes_noise(client: ollama.Client) -> None:
    messages = [{"role": "user", "content": "Grade it."}]
    answer = client.chat(TOY, messages=messages, format=SCHEMA, options={"num_predict": 400, "seed": 1})
    assert answer.message.content is not None
    if answer.done_reason == "stop":
        assert json.loads(answer.message.content)["grade"] in ("buy", "hold", "sell")
    assert answer.message.content.lstrip().startswith("{")


def test_the_context_is_the_one_asked_for_and_what_is_too_long_is_cut_or_refused(client: ollama.Client) -> None:
    client.chat(TOY, messages=[])
    (running,) = client.ps().models
    assert running.context_length == 2048
    turns = [{"role": "user", "content": "x" * 1500}, {"role": "user", "content": "y" * 1500}]
    assert client.chat(TOY, messages=turns, options={"num_predict": 2}).done
    body = {"model": TOY, "messages": turns, "truncate": False, "stream": False}
    refused = httpx.post(f"{client._client.base_url}/api/chat", json=body)
    assert (refused.status_code, refused.json()) == (400, {"error": "the input length exceeds the context length"})


class EndlessServer:
    """Generates like the engine, until its callback returns False."""

    def __init__(self) -> None:
        self.ended = threading.Event()

    def handle_chat_completions(self, request: dict[str, Any], take: Callable[[dict[str, Any]], bool]) -> None:
        while not take({"choices": [{"delta": {"content": "word "}, "finish_reason": None}]}):
            self.ended.wait(0.01)
        self.ended.set()


def test_closing_an_answer_stops_the_engine() -> None:
    server = EndlessServer()

    async def read_one_and_leave() -> None:
        answer = LlamaSession(server, 1, 2048).run(Job(messages=[{"role": "user", "content": "x"}]))
        assert await anext(answer) == Piece("word ")
        await answer.aclose()

    asyncio.run(read_one_and_leave())
    assert server.ended.wait(2)


def test_models_stay_on_the_disk_over_a_restart_without_a_second_copy(
    client: ollama.Client, toy: ModelFile, disk: Path
) -> None:
    blob = disk / "blobs" / f"sha256-{toy.digest}"
    assert blob.stat().st_ino == toy.path.stat().st_ino
    with serving(toy, disk) as again:
        assert [m.model for m in again.list().models] == [TOY]


def test_a_pull_that_was_cut_resumes(toy: ModelFile, tmp_path: Path) -> None:
    with serving(toy, tmp_path, rate=1) as client:
        for part in client.pull(TOY, stream=True):
            if part.completed and part.completed > 100_000:
                break
        (partial,) = (tmp_path / "blobs").glob("*-partial")
        so_far = partial.stat().st_size
        assert so_far >= 100_000
        done = [p.completed for p in client.pull(TOY, stream=True) if p.digest and p.completed]
        assert done[0] >= so_far
        assert not list((tmp_path / "blobs").glob("*-partial"))


def test_a_damaged_download_is_found_out(toy: ModelFile, tmp_path: Path) -> None:
    blobs = tmp_path / "blobs"
    blobs.mkdir()
    (blobs / f"sha256-{toy.digest}").write_bytes(b"GGUF of somebody else")
    with serving(toy, tmp_path) as client:
        with pytest.raises(ollama.ResponseError, match="digest mismatch"):
            client.pull(TOY)
        assert client.list().models == []
        assert client.pull(TOY).status == "success"


def test_it_does_not_outlive_a_machine_that_was_killed(toy: ModelFile, tmp_path: Path) -> None:
    script = "import subprocess, sys; subprocess.Popen([sys.executable, '-m', 'ert_deploy.sandbox.ollama']).wait()"
    env = {
        **os.environ,
        "OLLAMA_HOST": "127.0.0.1:0",
        "OLLAMA_MODELS": str(tmp_path),
        "ERT_SANDBOX_MODELS": str(toy.path.parent),
    }
    with subprocess.Popen([sys.executable, "-c", script], env=env, stderr=subprocess.PIPE, text=True) as machine:
        assert machine.stderr is not None
        url = f"http://{machine.stderr.readline().split()[2]}"
        assert httpx.get(url).text == "Ollama is running"
        machine.kill()
        machine.stderr.read()
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)


def test_smollm2_writes_words(tmp_path: Path) -> None:
    model = cached_model(default_cache())
    if model is None:
        pytest.skip("SmolLM2 is not in the cache; `python -m ert_deploy.sandbox.ollama.weights` fetches it")
    with serving(model, tmp_path) as client:
        client.pull(model.name)
        messages = [{"role": "user", "content": "Name a colour."}]
        answer = client.chat(model.name, messages=messages, options={"num_predict": 24, "seed": 1})
        assert answer.message.content is not None
        assert re.search(r"[A-Za-z]{3}", answer.message.content)
        graded = client.chat(model.name, messages=messages, format=SCHEMA, options={"num_predict": 200, "seed": 1})
        assert graded.message.content is not None
        assert graded.done_reason == "length" or set(json.loads(graded.message.content)) == {"grade", "points"}


@pytest.mark.parametrize(
    "start", ["llama._start_llama(sys.argv[1], 64, 1)", "llama_server.start(sys.argv[1], 'toy', {})"]
)
def test_threads_that_wait_for_each_other_do_not_spin(toy: ModelFile, start: str) -> None:
    """Spinning, as OpenMP does by default, needs 40 times as long at a load of 11 on two CPUs."""
    code = f"import os, sys; from ert_deploy.sandbox.ollama import llama, llama_server; kept = {start}; os._exit(0)"
    env = {**{k: v for k, v in os.environ.items() if not k.startswith("OMP_")}, "OMP_DISPLAY_ENV": "verbose"}
    argv = [sys.executable, "-c", code, str(toy.path)]
    done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=60, check=True)
    assert "GOMP_SPINCOUNT = '0'" in done.stderr
