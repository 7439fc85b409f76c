"""The chat API for other apps: OpenAI format, API key, limits, and cancellation when the client disconnects."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import httpx

from ert_backend.base.activity import GuardWord, write_guard
from tests.support.backend.rig import Backend, running, wait_for
from tests.support.doubles.scripted_ollama import ScriptedOllama, says

ASK = {"messages": [{"role": "user", "content": "Hello"}], "model": "whatever"}


def frames(text: str) -> list[Any]:
    lines = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]
    return [line if line == "[DONE]" else json.loads(line) for line in lines]


def test_an_answer_is_streamed_piece_by_piece_and_accounted_for(client: httpx.Client, ollama: ScriptedOllama) -> None:
    ollama.chat = lambda body: says("Good ", "day.", thinking="hm")
    answer = client.post("/v1/chat/completions", json={**ASK, "stream": True, "temperature": 0.7, "max_tokens": 9})
    assert answer.headers["content-type"].startswith("text/event-stream")
    *parts, done = frames(answer.text)
    assert done == "[DONE]"
    deltas = [part["choices"][0]["delta"] for part in parts]
    first = {"role": "assistant", "content": "", "reasoning_content": "hm"}
    assert deltas == [first, {"content": "Good "}, {"content": "day."}, {}]
    assert parts[-1]["choices"][0]["finish_reason"] == "stop"
    assert parts[-1]["usage"] == {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
    assert {part["model"] for part in parts} == {"gpt-oss:20b"}
    asked = ollama.bodies("/api/chat")[-1]
    assert (asked["options"]["temperature"], asked["options"]["num_predict"]) == (0.7, 9)
    assert asked["options"]["num_ctx"] == 16384  # the same as in every other call, so that the model is not reloaded


def test_an_answer_can_come_as_a_whole(client: httpx.Client) -> None:
    body = client.post("/v1/chat/completions", json=ASK).json()
    assert body["choices"][0]["message"]["content"] == "The company sells products to its customers."
    assert body["usage"]["total_tokens"] == 120
    assert client.get("/v1/models").json()["data"][0]["id"] == "gpt-oss:20b"


def test_without_a_key_there_is_nothing(backend: Backend) -> None:
    with backend.client(key="wrong") as stranger:
        assert stranger.post("/v1/chat/completions", json=ASK).status_code == 401
        assert stranger.get("/v1/models").status_code == 401


def test_bad_requests_name_the_field_and_reach_no_engine(client: httpx.Client, ollama: ScriptedOllama) -> None:
    before = len(ollama.asked)
    role = {"messages": [{"role": "tool", "content": "x"}]}
    requests: list[dict[str, Any]] = [{"messages": []}, role, {**ASK, "temperature": 3}]
    for bad in requests:
        assert client.post("/v1/chat/completions", json=bad).status_code == 400
    assert len(ollama.asked) == before


def test_an_error_of_the_engine_is_a_status_before_the_first_piece_and_an_event_after_it(
    client: httpx.Client, ollama: ScriptedOllama
) -> None:
    ollama.chat = lambda body: [{"error": "out of memory"}]
    for stream in (True, False):
        answer = client.post("/v1/chat/completions", json={**ASK, "stream": stream})
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) > 0
    ollama.chat = lambda body: [*says("Half")[:1], {"error": "runner died"}]
    last = frames(client.post("/v1/chat/completions", json={**ASK, "stream": True}).text)[-1]
    assert last["error"]["message"] == "runner died"


def test_answers_under_way_are_bounded_count_as_work_and_end_with_their_reader(
    tmp_path: Path, ollama: ScriptedOllama
) -> None:
    ollama.chat = lambda body: (line for _ in range(1000) for line in says("word ")[:1])
    ollama.chat_pause = 0.01
    with running(tmp_path, ollama.host, chat_limit=1) as backend, backend.client() as client:
        backend.wait_ready()
        with client.stream("POST", "/v1/chat/completions", json={**ASK, "stream": True}) as first:
            lines = first.iter_lines()
            next(lines)
            full = client.post("/v1/chat/completions", json={**ASK, "stream": True})
            assert full.status_code == 429
            assert int(full.headers["Retry-After"]) > 0
            assert backend.service.ledger.record.in_flight == 1
        wait_for(lambda: ollama.cut_off)
        wait_for(lambda: backend.service.ledger.record.in_flight == 0)


def test_a_reader_that_leaves_before_the_first_piece_is_noticed(tmp_path: Path, ollama: ScriptedOllama) -> None:
    asked, release = threading.Event(), threading.Event()

    def chat(body: object) -> list[dict[str, object]]:
        asked.set()
        release.wait(10)
        return says("late")

    ollama.chat = chat
    with running(tmp_path, ollama.host) as backend:
        backend.wait_ready()
        for stream in (True, False):
            asked.clear()
            with backend.client() as client:
                client.timeout = httpx.Timeout(0.3)
                try:
                    client.post("/v1/chat/completions", json={**ASK, "stream": stream})
                except httpx.ReadTimeout:
                    assert asked.is_set()
            wait_for(lambda: backend.service.ledger.record.in_flight == 0)
        release.set()


def test_none_is_begun_while_the_machine_drains(backend: Backend, client: httpx.Client) -> None:
    write_guard(backend.service.ledger.board, GuardWord(backend.settings.run, drain=True))
    refused = client.post("/v1/chat/completions", json={**ASK, "stream": True})
    assert refused.status_code == 503
    assert int(refused.headers["Retry-After"]) > 0
