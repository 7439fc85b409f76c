"""Compatibility of the chat route with OpenAI clients: accepted and rejected fields, and the response fields."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx

from tests.support.backend.rig import Backend
from tests.support.doubles.scripted_ollama import Line, ScriptedOllama, says

HELLO = {"role": "user", "content": "Hello"}
ASK: dict[str, Any] = {"messages": [HELLO]}
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
FORM = {"type": "json_schema", "json_schema": {"name": "place", "schema": SCHEMA, "strict": True}}

PARTS = [{"type": "text", "text": "Hel"}, {"type": "text", "text": "lo"}]

TAKEN: dict[str, dict[str, Any]] = {
    "text parts": {"messages": [{"role": "user", "content": PARTS}]},
    "stop as a string": {**ASK, "stop": "\n\n"},
    "stop null": {**ASK, "stop": None},
    "stop list": {**ASK, "stop": ["a", "b"]},
    "stream null": {**ASK, "stream": None},
    "tool history": {
        "messages": [
            HELLO,
            {"role": "assistant", "content": None, "tool_calls": [CALL], "refusal": None, "annotations": []},
            {"role": "tool", "tool_call_id": "c1", "content": "42"},
        ]
    },
    "seed 53 bits": {**ASK, "seed": 2**53 - 1},
    "seed 64 bits": {**ASK, "seed": 2**64 - 1},
    "seed below zero": {**ASK, "seed": -(2**63)},
    "tools": {**ASK, "tools": [TOOL], "tool_choice": "auto"},
    "form": {**ASK, "response_format": FORM},
    "any JSON": {**ASK, "response_format": {"type": "json_object"}},
    "sampling": {**ASK, "top_p": 0.5, "presence_penalty": -1, "frequency_penalty": 1.5, "n": 1},
    "effort": {**ASK, "reasoning_effort": "high"},
    "harmless": {
        **ASK, "user": "u", "metadata": {"a": "b"}, "store": False, "service_tier": "auto", "parallel_tool_calls": True
    },
}  # fmt: skip
OPTIONAL = [
    "model",
    "stream",
    "stream_options",
    "temperature",
    "top_p",
    "frequency_penalty",
    "presence_penalty",
    "max_tokens",
    "max_completion_tokens",
    "n",
    "seed",
    "stop",
    "response_format",
    "tools",
    "tool_choice",
    "logprobs",
    "top_logprobs",
    "reasoning_effort",
    "user",
    "metadata",
    "store",
    "service_tier",
    "parallel_tool_calls",
    "logit_bias",
    "functions",
    "function_call",
    "audio",
    "modalities",
    "prediction",
    "verbosity",
]
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}

REFUSED: dict[str, tuple[dict[str, Any], str | None]] = {
    "no messages": ({"messages": []}, "messages"),
    "an image": ({"messages": [{"role": "user", "content": [IMAGE]}]}, "messages[0].content"),
    "null from a user": ({"messages": [{"role": "user", "content": None}]}, "messages[0]"),
    "another role": ({"messages": [HELLO, {"role": "pirate", "content": "x"}]}, "messages[1].role"),
    "a tool without a call": ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0]"),
    "arguments that are none": (
        {"messages": [{"role": "assistant", "tool_calls": [{**CALL, "function": {"name": "f", "arguments": "[[["}}]}]},
        "messages[0].tool_calls[0].function",
    ),
    "temperature": ({**ASK, "temperature": 3}, "temperature"),
    "stream": ({**ASK, "stream": "often"}, "stream"),
    "seed": ({**ASK, "seed": "x"}, "seed"),
    "max_tokens": ({**ASK, "max_tokens": 0}, "max_tokens"),
    "stop": ({**ASK, "stop": [""]}, "stop[0]"),
    "five stops": ({**ASK, "stop": list("abcde")}, "stop"),
    "two answers": ({**ASK, "n": 2}, "n"),
    "logprobs": ({**ASK, "logprobs": True}, "logprobs"),
    "top_logprobs alone": ({**ASK, "top_logprobs": 2}, "top_logprobs"),
    "a tool that must be called": ({**ASK, "tools": [TOOL], "tool_choice": "required"}, "tool_choice"),
    "a certain tool": (
        {**ASK, "tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "f"}}}, "tool_choice"
    ),
    "a tool without a name": ({**ASK, "tools": [{"type": "function", "function": {}}]}, "tools[0].function.name"),
    "a form without a schema": ({**ASK, "response_format": {"type": "json_schema"}}, "response_format"),
    "functions": ({**ASK, "functions": [{"name": "f"}]}, "functions"),
    "logit_bias": ({**ASK, "logit_bias": {"1": 1}}, "logit_bias"),
    "audio": ({**ASK, "audio": {"voice": "alloy"}}, "audio"),
    "a field of the caller's own": ({**ASK, "Canary4711": 1}, None),
    "effort none": ({**ASK, "reasoning_effort": "none"}, "reasoning_effort"),
}  # fmt: skip


def post(client: httpx.Client, body: object) -> httpx.Response:
    return client.post("/v1/chat/completions", json=body)


def deltas(answer: httpx.Response) -> list[Any]:
    lines = [line.removeprefix("data: ") for line in answer.text.splitlines() if line.startswith("data: ")]
    assert lines.pop() == "[DONE]"
    return [json.loads(line) for line in lines]


def test_what_clients_send_is_taken(client: httpx.Client) -> None:
    for name, body in TAKEN.items():
        for stream in (False, True):
            answer = post(client, {"stream": stream, **body})
            assert answer.status_code == 200, (name, answer.text)


def test_null_means_that_an_optional_field_is_not_given(client: httpx.Client) -> None:
    assert post(client, {**ASK, **dict.fromkeys(OPTIONAL)}).status_code == 200


def test_what_cannot_be_done_is_refused_by_the_name_of_its_field(client: httpx.Client, ollama: ScriptedOllama) -> None:
    before = len(ollama.asked)
    for name, (body, param) in REFUSED.items():
        answer = post(client, body)
        assert answer.status_code == 400, name
        error = answer.json()["error"]
        assert set(error) == {"message", "type", "param", "code"}, name
        assert (error["type"], error["param"]) == ("invalid_request_error", param), name
        assert error["message"], name
        assert "Canary4711" not in answer.text, name
        assert "pirate" not in answer.text, name
    assert len(ollama.asked) == before


def test_what_is_asked_for_reaches_the_engine(client: httpx.Client, ollama: ScriptedOllama) -> None:
    for body in TAKEN.values():
        post(client, body)
    sent = dict(zip(TAKEN, ollama.bodies("/api/chat")[-len(TAKEN) :], strict=True))
    assert sent["text parts"]["messages"] == [HELLO]
    assert sent["stop as a string"]["options"]["stop"] == ["\n\n"]
    assert "stop" not in sent["stop null"]["options"]
    called = {"id": "c1", "function": {"name": "f", "arguments": {"a": 1}}}
    assert sent["tool history"]["messages"][1:] == [
        {"role": "assistant", "content": "", "tool_calls": [called]},
        {"role": "tool", "content": "42", "tool_call_id": "c1", "tool_name": "f"},
    ]  # fmt: skip
    seeds = [sent[name]["options"]["seed"] for name in ("seed 53 bits", "seed 64 bits", "seed below zero")]
    assert seeds == [2**31 - 1, 2**31 - 1, 0]
    assert sent["tools"]["tools"] == [TOOL]
    assert sent["form"]["format"] == SCHEMA
    assert sent["any JSON"]["format"] == "json"
    options = sent["sampling"]["options"]
    assert (options["top_p"], options["presence_penalty"], options["frequency_penalty"]) == (0.5, -1, 1.5)
    assert sent["effort"]["think"] == "high"


def test_the_defaults_are_those_of_chats_and_not_of_reports(client: httpx.Client, ollama: ScriptedOllama) -> None:
    post(client, ASK)
    options = ollama.bodies("/api/chat")[-1]["options"]
    assert (options["temperature"], options["num_predict"], options["num_ctx"]) == (1.0, 4096, 16384)
    post(client, {**ASK, "max_completion_tokens": 1_000_000})
    assert ollama.bodies("/api/chat")[-1]["options"]["num_predict"] == 4096


def test_the_first_chunk_names_the_role_and_no_other_does(client: httpx.Client) -> None:
    first, *others = deltas(post(client, {**ASK, "stream": True}))
    assert first["choices"][0]["delta"]["role"] == "assistant"
    assert not any("role" in chunk["choices"][0]["delta"] for chunk in others)
    empty = deltas(post(client, {**ASK, "stream": True, "max_tokens": 1}))
    assert empty[0]["choices"][0]["delta"]["role"] == "assistant"


def test_an_empty_answer_has_a_role_too(client: httpx.Client, ollama: ScriptedOllama) -> None:
    ollama.chat = lambda body: says()
    (only,) = deltas(post(client, {**ASK, "stream": True}))
    assert only["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert only["choices"][0]["finish_reason"] == "stop"


def test_usage_comes_in_a_chunk_of_its_own_where_it_is_asked_for(client: httpx.Client) -> None:
    *parts, last = deltas(post(client, {**ASK, "stream": True, "stream_options": {"include_usage": True}}))
    assert last["choices"] == []
    assert last["usage"]["total_tokens"] == 120
    assert not any("usage" in part for part in parts)


def test_thoughts_are_reasoning_in_a_stream_and_in_a_whole(client: httpx.Client, ollama: ScriptedOllama) -> None:
    for answer in (says("Paris.", thinking="hm"), says("<think>h", "m</th", "ink>\n\nPa", "ris.")):
        ollama.chat = giving(answer)
        message = post(client, ASK).json()["choices"][0]["message"]
        assert (message["content"], message["reasoning_content"]) == ("Paris.", "hm")
        chunks = [chunk["choices"][0]["delta"] for chunk in deltas(post(client, {**ASK, "stream": True}))]
        assert "".join(chunk.get("content", "") for chunk in chunks).strip() == "Paris."
        assert "".join(chunk.get("reasoning_content", "") for chunk in chunks) == "hm"


def test_tool_calls_come_back(client: httpx.Client, ollama: ScriptedOllama) -> None:
    call = {"function": {"name": "f", "arguments": {"city": "Oslo"}}}
    line: Line = {"message": {"role": "assistant", "content": "", "tool_calls": [call, call]}, "done": False}
    ollama.chat = lambda body: [line, *says()]
    choice = post(client, {**ASK, "tools": [TOOL]}).json()["choices"][0]
    assert (choice["finish_reason"], choice["message"]["content"]) == ("tool_calls", None)
    first, second = choice["message"]["tool_calls"]
    assert json.loads(first["function"]["arguments"]) == {"city": "Oslo"}
    assert (first["type"], first["function"]["name"]) == ("function", "f")
    assert first["id"] != second["id"]
    chunk, last = deltas(post(client, {**ASK, "tools": [TOOL], "stream": True}))
    assert [call["index"] for call in chunk["choices"][0]["delta"]["tool_calls"]] == [0, 1]
    assert last["choices"][0]["finish_reason"] == "tool_calls"


def test_what_the_engine_does_not_take_is_the_callers_to_change(client: httpx.Client, ollama: ScriptedOllama) -> None:
    cases: dict[str, tuple[str | None, str | None]] = {
        "the input length exceeds the context length": ("messages", "context_length_exceeded"),
        "x does not support tools": ("tools", None),
    }
    for text, (param, code) in cases.items():
        ollama.chat = refusing(text)
        for stream in (False, True):
            answer = post(client, {**ASK, "stream": stream})
            error = answer.json()["error"]
            assert (answer.status_code, error["param"], error["code"]) == (400, param, code)


def giving(lines: list[Line]) -> Callable[[Line], list[Line]]:
    """Return an engine with a fixed response."""
    return lambda body: lines


def refusing(text: str) -> Callable[[Line], Iterator[Line]]:
    """Return an engine that rejects the request."""

    def chat(body: Line) -> Iterator[Line]:
        yield {"error": text}

    return chat


def test_models_are_listed_and_found_by_id(client: httpx.Client) -> None:
    (row,) = client.get("/v1/models").json()["data"]
    assert row["object"] == "model"
    assert row["created"] > 1_700_000_000
    assert client.get("/v1/models/gpt-oss:20b").json() == row
    assert client.get("/v1/models/gpt-oss%3A20b").json() == row
    absent = client.get("/v1/models/Canary4711")
    assert (absent.status_code, absent.json()["error"]["code"]) == (404, "model_not_found")
    assert "Canary4711" not in absent.text


def test_what_this_machine_does_not_serve_is_refused_in_the_same_shape(client: httpx.Client) -> None:
    for path in ("completions", "embeddings", "responses", "images/generations"):
        answer = client.post(f"/v1/{path}", json={"input": "x", "model": "y"})
        assert answer.status_code == 404, path
        assert answer.json()["error"]["type"] == "invalid_request_error", path


def test_the_door_speaks_openais_shape_below_v1_only(backend: Backend) -> None:
    with backend.client(key="wrong") as stranger:
        error = stranger.post("/v1/chat/completions", json=ASK).json()["error"]
        assert (error["type"], error["code"]) == ("authentication_error", "invalid_api_key")
        assert stranger.post("/reports", json={}).json() == {"detail": "Invalid API key"}
    with backend.client() as client:
        broken = client.post("/v1/chat/completions", content=b"{", headers={"Content-Type": "application/json"})
        assert (broken.status_code, broken.json()["error"]["type"]) == (400, "invalid_request_error")
        assert client.delete("/v1/models").json()["error"]["message"] == "Method Not Allowed"
