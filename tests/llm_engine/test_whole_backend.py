"""A complete machine, guard and app, on llama.cpp's own OpenAI server with the small real model."""

from __future__ import annotations

import json
import os
import signal
from typing import Any

import pytest

from ert_deploy.sandbox.ollama.weights import ModelFile
from tests.support.backend.rig import REQUEST, wait_for
from tests.support.llm_engine.servers import CONTEXT, PATIENCE, Machine

pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]
ASK: dict[str, Any] = {"messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 8, "temperature": 0}


def test_it_comes_up_and_says_what_it_runs_on(whole: Machine, model: ModelFile) -> None:
    with whole.client() as client:
        status = client.get("/status").json()
        assert status["engine"].startswith("openai llamacpp sandbox")
        assert (status["model"], status["context_length"], status["sandbox"]) == (model.name, CONTEXT, True)
        assert status["tokens_per_s"] > 0
        assert set(status["tokens_per_s_by_slots"]) == {"1", "2"}
        assert status["slots"] in (1, 2)
        assert 'gen_ai_provider_name="openai"' in client.get("/metrics").text or status["total_reports"] == 0


def test_chats_go_both_ways_through_it(whole: Machine) -> None:
    with whole.client() as client:
        body = client.post("/v1/chat/completions", json=ASK).json()
        choice = body["choices"][0]
        assert (choice["finish_reason"], body["usage"]["completion_tokens"]) == ("length", 8)
        streamed = client.post("/v1/chat/completions", json={**ASK, "stream": True}).text
        chunks = [json.loads(line[6:]) for line in streamed.splitlines() if line.startswith("data: {")]
        deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
        assert deltas[0]["role"] == "assistant"
        assert "".join(delta.get("content", "") for delta in deltas) == choice["message"]["content"]
        chances = client.post("/v1/chat/completions", json={**ASK, "logprobs": True, "top_logprobs": 2}).json()
        assert len(chances["choices"][0]["logprobs"]["content"]) == 8
        long = {"messages": [{"role": "user", "content": "word " * 3 * CONTEXT}]}
        refused = client.post("/v1/chat/completions", json=long)
        assert (refused.status_code, refused.json()["error"]["code"]) == (400, "context_length_exceeded")
        tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
        assert client.post("/v1/chat/completions", json={**ASK, "tools": [tool]}).status_code in (200, 400)


def test_a_report_is_written_with_it(whole: Machine) -> None:
    with whole.client() as client:
        answer = client.post("/generate_report", json=REQUEST)
        assert answer.status_code == 200, answer.text
        report = answer.json()
        assert len(report["sections"]) == 5
        assert "391.0" in report["sections"]["financial_analysis"]
        assert report["metadata"]["tokens"]["completion"] > 0
        assert 'gen_ai_provider_name="openai"' in client.get("/metrics").text


def test_a_server_that_dies_is_started_again(whole: Machine) -> None:
    before = whole.pid("openai")
    os.kill(before, signal.SIGKILL)
    wait_for(lambda: whole.pid("openai") != before, PATIENCE)
    wait_for(whole.healthy, PATIENCE)
    with whole.client() as client:
        wait_for(lambda: client.post("/v1/chat/completions", json=ASK).status_code == 200, PATIENCE)
