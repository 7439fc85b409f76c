"""OpenAI wire format of llama-server and vLLM: conversion to and from the types of `protocol`. No I/O."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ert_backend.engine.protocol import (
    EngineDown,
    EngineError,
    EngineFailed,
    EngineRefused,
    Loaded,
    Message,
    Model,
    ModelMissing,
    Piece,
    PromptTooLong,
    Sampling,
    ToolCall,
    Usage,
)

ERROR_TEXT = 300
PASSED = ("top_p", "frequency_penalty", "presence_penalty")


def request(
    model: str, messages: Sequence[Message], seed: int, schema: Mapping[str, object] | None, sampling: Sampling
) -> dict[str, object]:
    """Return the body of a streamed completion request, with the usage at the end."""
    body: dict[str, object] = {
        "model": model,
        "messages": [turn(message) for message in messages],
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": sampling.temperature,
        "max_tokens": sampling.limit,
        "seed": seed,
    }
    body |= {name: value for name in PASSED if (value := getattr(sampling, name)) is not None}
    if sampling.stop:
        body["stop"] = list(sampling.stop)
    if schema:
        body["response_format"] = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
    elif sampling.json:
        body["response_format"] = {"type": "json_object"}
    if sampling.tools:
        body["tools"] = list(sampling.tools)
        body |= {"tool_choice": sampling.tool_choice} if sampling.tool_choice else {}
    if sampling.top_logprobs is not None:
        body |= {"logprobs": True, "top_logprobs": sampling.top_logprobs}
    if sampling.effort:
        body["reasoning_effort"] = sampling.effort
    return body


def turn(message: Message) -> dict[str, object]:
    """Convert a message to OpenAI's format."""
    told: dict[str, object] = {"role": message.role, "content": message.content}
    if message.calls:
        told["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.calls
        ]
    return told | ({"tool_call_id": message.call_id} if message.call_id else {})


def models(value: Mapping[str, Any]) -> list[Model]:
    """Parse the list of `/v1/models`. No server includes a digest; only llama.cpp includes a size."""
    return [Model(name(row), "", _count(_meta(row).get("size"))) for row in _rows(value)]


def loaded(value: Mapping[str, Any]) -> list[Loaded]:
    """Parse the same list as loaded models, with the context of one slot; the device is unknown."""
    return [Loaded(name(row), "", _count(_meta(row).get("size")), None, _context(row)) for row in _rows(value)]


def name(row: Mapping[str, Any]) -> str:
    """Return the id of a model."""
    return str(row.get("id") or "")


def maker(value: Mapping[str, Any]) -> str:
    """Return the server's maker and its tags from the list of models, if present."""
    row = next(iter(_rows(value)), {})
    tags = row.get("tags")
    words = [row.get("owned_by"), *(tags if isinstance(tags, list) else ())]
    return " ".join(str(word) for word in words if word)


def unable(props: Mapping[str, Any]) -> frozenset[str]:
    """Return the features that llama.cpp would drop silently, because the model's chat template lacks them."""
    caps = props.get("chat_template_caps")
    no_tools = isinstance(caps, dict) and caps.get("supports_tools") is False
    return frozenset({"tools", "tool_choice"}) if no_tools else frozenset()


def piece(value: Mapping[str, Any]) -> tuple[Piece, str]:
    """Parse a chunk into a `Piece` and its finish reason; raise EngineError for an error in the stream."""
    if value.get("error"):
        raise failure(200, value)
    choice = next(iter(value.get("choices") or ()), None)
    if not isinstance(choice, Mapping):
        return Piece(), ""
    told = choice.get("delta")
    delta: Mapping[str, Any] = told if isinstance(told, Mapping) else {}
    thinking = delta.get("reasoning_content") or delta.get("reasoning") or ""
    chances = (choice.get("logprobs") or {}).get("content") or ()
    said = Piece(str(delta.get("content") or ""), str(thinking), None, _calls(delta), tuple(chances))
    return said, str(choice.get("finish_reason") or "")


def usage(last: Mapping[str, Any], pieces: int, seconds: float, reason: str) -> Usage:
    """Return the server's usage; missing values are those measured here: `pieces` with content, in `seconds`."""
    counts, timings = last.get("usage") or {}, last.get("timings") or {}
    decoded = timings.get("predicted_ms")
    return Usage(
        prompt_tokens=_count(counts.get("prompt_tokens")),
        completion_tokens=_count(counts.get("completion_tokens")) or pieces,
        decode_seconds=decoded / 1000 if isinstance(decoded, int | float) else seconds,
        reason="length" if reason == "length" else "stop",
    )


def failure(status: int, value: object) -> EngineError:
    """Map an error response to an exception; its message is the server's own, truncated."""
    said = value.get("error") if isinstance(value, Mapping) else None
    told: Mapping[str, Any] = said if isinstance(said, Mapping) else {"message": said}
    text = str(told.get("message") or f"status {status} without a reason")[:ERROR_TEXT]
    code = told.get("code")
    status = code if status == 200 and isinstance(code, int) else status
    if told.get("type") == "exceed_context_size_error" or "context length" in text or "context_length" in str(code):
        return PromptTooLong(text)
    if status == 404:
        return ModelMissing(text)
    if status == 503:
        return EngineDown(text)
    return EngineRefused(text) if 400 <= status < 500 else EngineFailed(text)


def parsed(text: bytes) -> Mapping[str, Any] | None:
    """Parse a JSON object; None when it is invalid."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _calls(delta: Mapping[str, Any]) -> tuple[ToolCall, ...]:
    rows = delta.get("tool_calls")
    found = []
    for at, row in enumerate(rows if isinstance(rows, list) else ()):
        called = row.get("function") if isinstance(row, Mapping) else None
        if isinstance(called, Mapping):
            place = row.get("index")
            words = (str(row.get("id") or ""), str(called.get("name") or ""), str(called.get("arguments") or ""))
            found.append(ToolCall(place if isinstance(place, int) else at, *words))
    return tuple(found)


def _rows(value: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    rows = value.get("data")
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _meta(row: Mapping[str, Any]) -> Mapping[str, Any]:
    meta = row.get("meta")
    return meta if isinstance(meta, dict) else {}


def _context(row: Mapping[str, Any]) -> int | None:
    """Return the tokens of one slot: `meta.n_ctx` of llama.cpp, `max_model_len` of vLLM."""
    told = _meta(row).get("n_ctx") or row.get("max_model_len")
    return told if isinstance(told, int) and told > 0 else None


def _count(value: object) -> int:
    return int(value) if isinstance(value, int | float) and value > 0 else 0
