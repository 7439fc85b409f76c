"""Any OpenAI-compatible server as the engine: requests, response parsing and error handling."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from ert_backend.engine.ollama import session
from ert_backend.engine.openai_server import OpenAIServer
from ert_backend.engine.protocol import (
    EngineDown,
    EngineError,
    EngineFailed,
    EngineRefused,
    Message,
    ModelMissing,
    Piece,
    PromptTooLong,
    Sampling,
    ToolCall,
)
from tests.support.backend.rig import REQUEST, running, wait_for
from tests.support.doubles.scripted_openai import MODEL, Event, ScriptedOpenAI, says

HELLO = [Message("user", "Hello")]


@pytest.fixture
def openai() -> Iterator[ScriptedOpenAI]:
    with ScriptedOpenAI() as script:
        yield script


def ask(openai: ScriptedOpenAI, messages: Sequence[Message] = HELLO, **named: Any) -> list[Piece]:
    """Return all chunks of one response."""

    async def go() -> list[Piece]:
        async with session(f"http://{openai.host}") as client:
            engine = OpenAIServer(client, 1200)
            return [piece async for piece in engine.chat(MODEL, messages, 7, **named)]

    return asyncio.run(go())


def test_an_answer_is_read_piece_by_piece_and_accounted_for(openai: ScriptedOpenAI) -> None:
    openai.chat = lambda body: says("Good ", "day.", reason="length", reasoning_content="hm")
    *pieces, last = ask(openai)
    assert [(piece.thinking, piece.content) for piece in pieces] == [("hm", ""), ("", "Good "), ("", "day.")]
    assert last.usage is not None
    assert (last.usage.prompt_tokens, last.usage.completion_tokens, last.usage.reason) == (100, 20, "length")
    assert last.usage.decode_seconds == pytest.approx(0.2)
    (body,) = openai.asked
    assert (body["seed"], body["max_tokens"], body["temperature"]) == (7, 1200, 0.25)
    assert body["stream_options"] == {"include_usage": True}


def test_a_server_without_an_account_is_counted_here(openai: ScriptedOpenAI) -> None:
    openai.chat = lambda body: [
        event for event in says("a", "b", "c") if not (isinstance(event, dict) and not event["choices"])
    ]
    usage = ask(openai)[-1].usage
    assert usage is not None
    assert (usage.prompt_tokens, usage.completion_tokens) == (0, 3)


def test_all_that_is_asked_for_is_passed_on(openai: ScriptedOpenAI) -> None:
    call = ToolCall(0, "c1", "f", "{}")
    turns = [*HELLO, Message("assistant", "", (call,)), Message("tool", "42", call_id="c1", tool="f")]
    tools = ({"type": "function", "function": {"name": "f"}},)
    sampling = Sampling(0.0, 9, ("x",), 0.5, 1.0, -1.0, 2, "high", tools=tools, tool_choice="required")
    ask(openai, turns, schema={"type": "object"}, sampling=sampling)
    ask(openai, sampling=Sampling(json=True))
    first, second = openai.asked
    assert first["messages"][1]["tool_calls"][0] == {
        "id": "c1",
        "type": "function",
        "function": {"name": "f", "arguments": "{}"},
    }
    assert first["messages"][2] == {"role": "tool", "content": "42", "tool_call_id": "c1"}
    assert first["response_format"]["json_schema"]["schema"] == {"type": "object"}
    assert (first["tools"], first["tool_choice"]) == (list(tools), "required")
    assert (first["top_p"], first["frequency_penalty"], first["presence_penalty"]) == (0.5, 1.0, -1.0)
    assert (first["logprobs"], first["top_logprobs"], first["reasoning_effort"]) == (True, 2, "high")
    assert (first["temperature"], first["max_tokens"], first["stop"]) == (0.0, 9, ["x"])
    assert second["response_format"] == {"type": "json_object"}


def test_tool_calls_and_logprobs_come_through(openai: ScriptedOpenAI) -> None:
    parts = [{"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": ""}}]
    rest = {"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]}
    events: list[Event] = says(tool_calls=parts, reason="tool_calls")
    events.insert(
        1, {"choices": [{"index": 0, "delta": rest, "finish_reason": None, "logprobs": {"content": [{"token": "x"}]}}]}
    )
    openai.chat = lambda body: events
    first, second, _ = ask(openai)
    assert first.calls == (ToolCall(0, "c1", "f", ""),)
    assert second.calls == (ToolCall(0, "", "", "{}"),)
    assert second.logprobs == ({"token": "x"},)


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (
            400,
            {"code": 400, "message": "request (9 tokens) exceeds", "type": "exceed_context_size_error"},
            PromptTooLong,
        ),
        (
            400,
            {"code": 400, "message": "This model's maximum context length is 9", "type": "BadRequestError"},
            PromptTooLong,
        ),
        (400, {"code": 400, "message": "unrecognized type nonsense", "type": "invalid_request_error"}, EngineRefused),
        (404, {"code": 404, "message": "The model does not exist", "type": "NotFoundError"}, ModelMissing),
        (503, {"code": 503, "message": "Loading model", "type": "unavailable_error"}, EngineDown),
        (500, {"code": 500, "message": "out of memory", "type": "server_error"}, EngineFailed),
    ],
)
def test_an_error_means_what_can_be_done_about_it(
    openai: ScriptedOpenAI, status: int, error: dict[str, Any], kind: type[EngineError]
) -> None:
    openai.refusal = (status, {"error": error})
    with pytest.raises(EngineError) as caught:
        ask(openai)
    assert type(caught.value) is kind
    openai.refusal = None
    openai.chat = lambda body: [{"error": error}]
    with pytest.raises(EngineError) as caught:
        ask(openai)
    assert type(caught.value) is kind


def test_an_answer_without_an_end_is_none(openai: ScriptedOpenAI) -> None:
    for events in ([], says("half")[:2], ["no JSON"]):
        openai.chat = lambda body, events=events: events  # type: ignore[misc]
        with pytest.raises(EngineFailed):
            ask(openai)


def test_a_server_that_is_not_there_is_down() -> None:
    async def go() -> None:
        async with session("http://127.0.0.1:1") as client:
            engine = OpenAIServer(client, 1200)
            for call in (engine.version, engine.models, engine.loaded):
                with pytest.raises(EngineDown):
                    await call()

    asyncio.run(go())


def test_the_whole_backend_runs_on_it(tmp_path: Path, openai: ScriptedOpenAI) -> None:
    openai.loading = True
    url = f"http://{openai.host}"
    with running(tmp_path, "127.0.0.1:1", engine="openai", engine_url=url, min_speed=1.0) as backend:
        wait_for(lambda: "Loading model" in backend.service.state.detail)
        openai.loading = False
        backend.wait_ready()
        with backend.client() as client:
            status = client.get("/status").json()
            assert (status["engine"], status["context_length"]) == ("openai llamacpp b9000", 16384)
            assert status["tokens_per_s"] == 100.0
            assert status["model_size_vram"] is None
            assert len(client.post("/generate_report", json=REQUEST).json()["sections"]) == 5
            body = {"messages": [{"role": "user", "content": "x"}], "logprobs": True, "top_logprobs": 1}
            assert client.post("/v1/chat/completions", json=body).status_code == 200
            assert openai.asked[-1]["top_logprobs"] == 1
            assert 'gen_ai_provider_name="openai"' in client.get("/metrics").text


def test_a_template_without_tools_refuses_them(tmp_path: Path, openai: ScriptedOpenAI) -> None:
    openai.props["chat_template_caps"]["supports_tools"] = False
    url = f"http://{openai.host}"
    with running(tmp_path, "127.0.0.1:1", engine="openai", engine_url=url, min_speed=1.0) as backend:
        backend.wait_ready()
        tool = {"type": "function", "function": {"name": "f"}}
        with backend.client() as client:
            body = {"messages": [{"role": "user", "content": "x"}], "tools": [tool]}
            answer = client.post("/v1/chat/completions", json=body)
            assert (answer.status_code, answer.json()["error"]["param"]) == (400, "tools")


def test_a_server_with_another_model_or_context_serves_nobody(tmp_path: Path, openai: ScriptedOpenAI) -> None:
    url = f"http://{openai.host}"
    with running(tmp_path / "a", "127.0.0.1:1", engine="openai", engine_url=url, model="other:1b") as backend:
        wait_for(lambda: "was not started with other:1b; it has gpt-oss:20b" in backend.service.state.detail)
    openai.models[0]["meta"]["n_ctx"] = 4096
    with running(tmp_path / "b", "127.0.0.1:1", engine="openai", engine_url=url) as backend:
        wait_for(lambda: "the context is 4096 tokens" in backend.service.state.detail)
    with running(tmp_path / "c", "127.0.0.1:1", engine="openai", engine_url=url, model_digest="0" * 64) as backend:
        wait_for(lambda: "names no digest" in backend.service.state.detail)
