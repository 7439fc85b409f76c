"""Ollama wire format (docs/api in ollama/ollama): conversion to and from the types of `protocol`. No I/O."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from typing import Any

from ert_backend.engine.protocol import (
    EngineFailed,
    EngineRefused,
    Message,
    ModelMissing,
    NotAsConfigured,
    PromptTooLong,
    ToolCall,
    Usage,
)

CALL_ID = "call_"
ERROR_TEXT = 300
# Errors of a pull that would occur on every machine (ollama/ollama, server/images.go and server/routes.go).
UNOBTAINABLE = re.compile(
    r"pull model manifest:.*(?:does not exist|unauthorized)|requires a newer version|invalid model name"
)


def has_levels(model: str) -> bool:
    """Whether the model takes a level: gpt-oss does, and always thinks; models that cannot think reject the field."""
    return model.rpartition("/")[2].startswith("gpt-oss")


def turn(message: Message) -> dict[str, object]:
    """Convert a message to Ollama's format: arguments as an object, a tool's result with the tool's name."""
    turn: dict[str, object] = {"role": message.role, "content": message.content}
    if message.calls:
        turn["tool_calls"] = [
            {"id": call.id, "function": {"name": call.name, "arguments": json.loads(call.arguments)}}
            for call in message.calls
        ]
    if message.call_id:
        turn |= {"tool_call_id": message.call_id, "tool_name": message.tool}
    return turn


def calls(told: object) -> tuple[ToolCall, ...]:
    """Parse the tool calls of a line; Ollama sends complete calls, with an index and since late 2025 with an id."""
    found = []
    for at, row in enumerate(told if isinstance(told, list) else ()):
        called = row.get("function") if isinstance(row, dict) else None
        if isinstance(called, dict):
            index = called.get("index")
            name, arguments = str(called.get("name") or ""), called.get("arguments") or {}
            given = str(row.get("id") or "") or CALL_ID + secrets.token_hex(8)
            place = index if isinstance(index, int) else at
            found.append(ToolCall(place, given, name, json.dumps(arguments, ensure_ascii=False)))
    return tuple(found)


def parsed_line(line: bytes) -> Mapping[str, Any]:
    """Parse one line of NDJSON; raise the error that it contains, whatever the status was."""
    value = parsed(line)
    if not isinstance(value, dict):
        raise EngineFailed("Ollama sent a line that is not a JSON object")
    if value.get("error"):
        raise refusal(200, value)
    return value


def parsed(text: bytes) -> object:
    """Parse JSON; None when it is invalid."""
    try:
        return json.loads(text)
    except ValueError:
        return None


def refusal(status: int, value: object) -> EngineFailed | ModelMissing:
    """Map an error response to an exception; its message is Ollama's own, truncated."""
    said = value.get("error") if isinstance(value, dict) else None
    text = str(said or f"status {status} without a reason")[:ERROR_TEXT]
    if status == 404 or (text.startswith("model ") and "not found" in text):
        return ModelMissing(text)
    if UNOBTAINABLE.search(text):
        return NotAsConfigured(text)
    if "exceeds the context" in text or "exceed_context_size" in text:
        return PromptTooLong(text)
    return EngineRefused(text) if status == 400 or "does not support" in text else EngineFailed(text)


def usage(line: Mapping[str, Any]) -> Usage:
    """Parse the usage in the last line."""
    return Usage(
        prompt_tokens=count(line.get("prompt_eval_count")),
        completion_tokens=count(line.get("eval_count")),
        decode_seconds=count(line.get("eval_duration")) / 1e9,
        reason=str(line.get("done_reason") or "stop"),
    )


def rows(value: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the models of a list."""
    found = value.get("models")
    return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []


def name_of(row: Mapping[str, Any]) -> str:
    """Return a model's name with its tag."""
    return str(row.get("name") or row.get("model") or "")


def count(value: object) -> int:
    """Return a number as a count; 0 when it is missing or negative."""
    return int(value) if isinstance(value, int | float) and value > 0 else 0
