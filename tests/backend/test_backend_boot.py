"""Model start-up: the requests to Ollama, the /health output during start-up, and the handling of failures."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ert_backend.engine.bring_up import same_tag
from ert_backend.engine.ollama import Ollama, session
from ert_backend.engine.protocol import EngineDown, EngineFailed, Message, ModelMissing, Piece
from ert_backend.settings import SettingsError, load
from tests.support.backend.rig import ENV, KEY, QUICK, REQUEST, running, wait_for
from tests.support.doubles.scripted_ollama import GIB, PULL, ScriptedOllama, says


def test_a_model_that_is_there_is_not_pulled(backend: Any, ollama: ScriptedOllama) -> None:
    assert ollama.bodies("/api/pull") == []
    assert ollama.in_memory == ["gpt-oss:20b"]


def test_a_missing_model_is_pulled_with_progress_summed_over_layers(tmp_path: Path, ollama: ScriptedOllama) -> None:
    gate = threading.Event()

    def lines() -> Iterator[dict[str, Any]]:
        for line in PULL:
            if line["status"].startswith("verifying"):
                gate.wait(10)
            yield line

    ollama.models, ollama.pull_lines = [], lines()
    with running(tmp_path, ollama.host, replace(QUICK, pull_stall=10)) as backend, backend.client(key=None) as client:
        wait_for(lambda: client.get("/health").json().get("progress", {}).get("completed") == 1000)
        health = client.get("/health")
        assert health.status_code == 503
        assert health.json()["progress"] == {
            "phase": "pulling",
            "completed": 1000,
            "total": 1000,
            "detail": "pulling bbb",
        }
        gate.set()
        backend.wait_ready()
    assert ollama.bodies("/api/pull") == [{"model": "gpt-oss:20b", "stream": True}]


def test_health_checks_never_start_work(tmp_path: Path, ollama: ScriptedOllama) -> None:
    ollama.load_gate.clear()
    with running(tmp_path, ollama.host) as backend, backend.client(key=None) as client:
        wait_for(lambda: ollama.asked)
        before = len(ollama.asked)
        for _ in range(20):
            client.get("/health")
        assert len(ollama.asked) == before


def test_a_pull_that_stands_still_is_closed_shown_as_failed_and_tried_again(
    tmp_path: Path, ollama: ScriptedOllama
) -> None:
    stuck = threading.Event()

    def stalls() -> Iterator[dict[str, Any]]:
        yield from PULL[:3]
        stuck.wait(1.0)
        yield PULL[3]

    ollama.models, ollama.pull_lines = [], stalls()
    with running(tmp_path, ollama.host, replace(QUICK, pull_stall=0.1)) as backend, backend.client(key=None) as client:
        failed = wait_for(lambda: (p := client.get("/health").json()["progress"])["phase"] == "failed" and p)
        assert "stood still" in failed["detail"]
        ollama.pull_lines = PULL
        backend.wait_ready()


def test_an_error_in_the_pull_under_status_200_is_a_failure(tmp_path: Path, ollama: ScriptedOllama) -> None:
    ollama.models, ollama.pull_lines = [], [PULL[0], {"error": "pull model manifest: file does not exist"}]
    with running(tmp_path, ollama.host) as backend:
        wait_for(lambda: backend.service.state.detail == "pull model manifest: file does not exist")
        assert backend.service.state.phase.value == "failed"
        with backend.client(key=None) as client:
            assert client.get("/health").json()["progress"]["misconfigured"] is True
        ollama.pull_lines = PULL
        backend.wait_ready()
        assert backend.service.state.misconfigured is False


def test_when_ollama_forgets_the_model_it_is_degraded_and_brought_up_again(
    tmp_path: Path, ollama: ScriptedOllama
) -> None:
    with running(tmp_path, ollama.host) as backend, backend.client(key=None) as client:
        backend.wait_ready()
        ollama.load_gate.clear()
        ollama.in_memory.clear()
        wait_for(lambda: client.get("/health").status_code == 503)
        assert client.get("/health").json()["status"] == "degraded"
        ollama.load_gate.set()
        backend.wait_ready()


def test_the_app_answers_before_there_is_any_ollama(tmp_path: Path) -> None:
    with running(tmp_path, "127.0.0.1:9") as backend, backend.client() as client:
        body = client.get("/health").json()
        assert (body["status"], body["ollama_status"], body["engine"]) == ("loading", "offline", "ollama")
        assert body["progress"]["phase"] == "starting"
        assert client.get("/status").status_code == 200


@pytest.mark.parametrize(
    ("listed", "wanted", "same"),
    [("mistral:latest", "mistral", True), ("a/b:7b", "a/b:7b", True), ("mistral:7b", "mistral", False)],
)
def test_names_are_compared_with_their_tags(listed: str, wanted: str, same: bool) -> None:
    assert same_tag(listed, wanted) is same


def chat(ollama: ScriptedOllama, model: str = "gpt-oss:20b", stop_after: int = 10_000) -> list[Piece]:
    """Return all chunks of one response, or the first few of them."""

    async def ask() -> list[Piece]:
        pieces: list[Piece] = []
        async with session(f"http://{ollama.host}") as client:
            stream = Ollama(client, 4096, 100).chat(model, [Message("user", "hi")], 1)
            async for piece in stream:
                pieces.append(piece)
                if len(pieces) == stop_after:
                    break
            await stream.aclose()
        return pieces

    return asyncio.run(ask())


def test_an_answer_is_thinking_then_content_then_usage(ollama: ScriptedOllama) -> None:
    ollama.chat = lambda body: says("Hel", "lo.", thinking="hm")
    pieces = chat(ollama)
    assert [(p.thinking, p.content) for p in pieces[:3]] == [("hm", ""), ("", "Hel"), ("", "lo.")]
    usage = pieces[-1].usage
    assert usage is not None
    assert (usage.prompt_tokens, usage.completion_tokens, usage.decode_seconds) == (100, 20, 0.2)


def test_each_answer_has_its_own_connection_read_to_its_end_or_left(ollama: ScriptedOllama) -> None:
    async def ask(times: int, stop_after: int) -> None:
        async with session(f"http://{ollama.host}") as client:
            for _ in range(times):
                async with contextlib.aclosing(
                    Ollama(client, 4096, 100).chat("gpt-oss:20b", [Message("user", "hi")], 1)
                ) as pieces:
                    left = stop_after
                    async for _piece in pieces:
                        if not (left := left - 1):
                            break

    asyncio.run(ask(3, 100))
    assert ollama.connections == 3
    ollama.chat_pause = 0.1
    asyncio.run(ask(3, 1))
    assert ollama.connections == 6


def test_a_line_may_be_long_and_one_without_an_end_is_an_error(ollama: ScriptedOllama) -> None:
    ollama.chat = lambda body: says("long " * 100_000)
    assert len(chat(ollama)[0].content) == 500_000
    ollama.chat = lambda body: says("x" * 4_000_000)
    with pytest.raises(EngineFailed, match="without an end"):
        chat(ollama)


def test_errors_are_told_apart(ollama: ScriptedOllama) -> None:
    with pytest.raises(ModelMissing, match="not found"):
        chat(ollama, "nope:1b")
    ollama.chat = lambda body: [*says("a")[:1], {"error": "runner died"}]
    with pytest.raises(EngineFailed, match="runner died"):
        chat(ollama)
    ollama.chat = lambda body: says("a")[:1]
    with pytest.raises(EngineFailed, match="the response ended before"):
        chat(ollama)
    ollama.server.shutdown()
    ollama.server.server_close()
    with pytest.raises(EngineDown):
        chat(ollama)


def test_closing_an_answer_cancels_it_at_ollama(ollama: ScriptedOllama) -> None:
    ollama.chat = lambda body: (line for _ in range(1000) for line in says("word ")[:1])
    ollama.chat_pause = 0.005
    assert len(chat(ollama, stop_after=3)) >= 3
    wait_for(lambda: ollama.cut_off)


def test_a_thinking_level_goes_to_gpt_oss_only(ollama: ScriptedOllama) -> None:
    ollama.models.append("llama3.1:8b")
    chat(ollama)
    chat(ollama, "llama3.1:8b")
    first, second = ollama.bodies("/api/chat")
    assert first["think"] == "low"
    assert "think" not in second


def test_the_environment_is_checked_as_a_whole_and_secrets_are_not_shown() -> None:
    bad = {**ENV, "ERT_KEY_HASHES": "secret-1", "ERT_BOOT_SECRET": "secret-2", "ERT_MODEL": "", "ERT_BIND": "nowhere"}
    with pytest.raises(SettingsError) as error:
        load(bad)
    text = str(error.value)
    assert all(name in text for name in ("ERT_KEY_HASHES", "ERT_BOOT_SECRET", "ERT_MODEL", "ERT_BIND"))
    assert "secret" not in text
    assert "\n" not in text
    assert ENV["ERT_BOOT_SECRET"] not in repr(load(ENV))


def test_the_defaults_are_the_containers() -> None:
    settings = load({name: value for name, value in ENV.items() if name != "ERT_BIND"})
    assert settings.bind == ("0.0.0.0", 8443)
    assert str(settings.data_dir) == "/data"
    assert settings.engine_url == "http://127.0.0.1:11434"
    assert load({**ENV, "PUBLIC_IPADDR": " 203.0.113.7\n"}).public_ip == "203.0.113.7"


def test_sizes_of_the_real_models_do_not_overflow(tmp_path: Path, ollama: ScriptedOllama) -> None:
    with running(tmp_path, ollama.host) as backend, backend.client() as client:
        backend.wait_ready()
        assert client.get("/status").json()["model_size"] == 13 * GIB
        assert client.post("/generate_report", json=REQUEST).status_code == 200
        assert KEY not in client.get("/status").text
