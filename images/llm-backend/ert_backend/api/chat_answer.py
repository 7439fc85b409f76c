"""Chat responses in OpenAI's format: a stream of chunks, the first of which has the role, or one object. No I/O."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from ert_backend.api.thoughts import Splitter
from ert_backend.base.http_error import openai_error
from ert_backend.engine.protocol import Piece, ToolCall, Usage

_JSON = json.JSONEncoder(separators=(",", ":")).encode
ROLE = {"role": "assistant"}
NOTHING_SAID = Usage(0, 0, 0.0, "stop")


@dataclass(frozen=True, slots=True)
class Head:
    """The fields common to all chunks of one response; `created` in seconds since 1970."""

    id: str
    created: int
    model: str

    def fields(self, kind: str) -> dict[str, Any]:
        """Return the fields as a JSON object."""
        return {"id": self.id, "object": kind, "created": self.created, "model": self.model}


class Frames:
    """Encodes one response as server-sent chunks.

    With `apart` the usage is sent in a chunk of its own, as OpenAI does on request, otherwise in the last chunk.
    """

    def __init__(self, head: Head, splitter: Splitter, apart: bool) -> None:
        self.opening = _JSON(head.fields("chat.completion.chunk"))[:-1].encode()
        self.splitter, self.apart = splitter, apart
        self.begun = self.called = False

    def of(self, piece: Piece) -> bytes:
        """Encode one `Piece`; empty when it has no content."""
        if piece.usage is not None:
            return self._last(piece.usage)
        said, thought = self.splitter.feed(piece.content) if piece.content else ("", "")
        return self._said(said, piece.thinking + thought, piece)

    def error(self, text: str) -> bytes:
        """Encode the last event of a response that was interrupted."""
        return f"data: {_JSON(openai_error(503, text))}\n\n".encode()

    def _said(self, said: str, thought: str, piece: Piece) -> bytes:
        delta: dict[str, Any] = {} if self.begun else {**ROLE, "content": ""}
        if said:
            delta["content"] = said
        if thought:
            delta["reasoning_content"] = thought
        if piece.calls:
            self.called = True
            delta["tool_calls"] = [_call(call) for call in piece.calls]
        if not said and not thought and not piece.calls:
            return b""
        self.begun = True
        return self._frame({"choices": [_choice("delta", delta, None, piece)]})

    def _last(self, usage: Usage) -> bytes:
        said, thought = self.splitter.close()
        rest = self._said(said, thought, Piece())
        delta: dict[str, Any] = {} if self.begun else {**ROLE, "content": ""}
        self.begun = True
        more: dict[str, Any] = {"choices": [_choice("delta", delta, _reason(usage, self.called), Piece())]}
        counts = {"usage": counted(usage)}
        if self.apart:
            return rest + self._frame(more) + self._frame({"choices": [], **counts})
        return rest + self._frame({**more, **counts})

    def _frame(self, more: dict[str, Any]) -> bytes:
        return b"data: %b,%b\n\n" % (self.opening, _JSON(more)[1:].encode())


@dataclass(slots=True)
class Whole:
    """A response that is collected before it is sent."""

    splitter: Splitter = field(default_factory=Splitter)
    thinking: str = ""
    usage: Usage = NOTHING_SAID
    calls: dict[int, ToolCall] = field(default_factory=dict)
    logprobs: list[Any] = field(default_factory=list)

    def take(self, piece: Piece) -> None:
        """Add one `Piece`."""
        self.splitter.feed(piece.content)
        self.thinking += piece.thinking
        self.usage = piece.usage or self.usage
        self.logprobs += piece.logprobs
        for part in piece.calls:
            known = self.calls.get(part.index, ToolCall(part.index, "", "", ""))
            self.calls[part.index] = ToolCall(
                part.index, known.id or part.id, known.name or part.name, known.arguments + part.arguments
            )

    def body(self, head: Head) -> dict[str, Any]:
        """Return the response object."""
        self.splitter.close()
        answer, thought = self.splitter.answer, self.thinking + self.splitter.thought
        message: dict[str, Any] = {**ROLE, "content": answer or (None if self.calls else ""), "refusal": None}
        if thought:
            message["reasoning_content"] = thought
        if self.calls:
            message["tool_calls"] = [_call(call, whole=True) for _, call in sorted(self.calls.items())]
        piece = Piece(logprobs=tuple(self.logprobs))
        choice = _choice("message", message, _reason(self.usage, bool(self.calls)), piece)
        return {**head.fields("chat.completion"), "choices": [choice], "usage": counted(self.usage)}


def counted(usage: Usage) -> dict[str, int]:
    """Return the token usage in OpenAI's format."""
    counts = (usage.prompt_tokens, usage.completion_tokens)
    return {"prompt_tokens": counts[0], "completion_tokens": counts[1], "total_tokens": sum(counts)}


def _choice(kind: str, value: dict[str, Any], reason: str | None, piece: Piece) -> dict[str, Any]:
    chances = {"content": list(piece.logprobs), "refusal": None} if piece.logprobs else None
    return {"index": 0, kind: value, "logprobs": chances, "finish_reason": reason}


def _call(call: ToolCall, whole: bool = False) -> dict[str, Any]:
    """Encode a call, or a chunk of it: only the first chunk has an id, a type and a name."""
    function = {"arguments": call.arguments, **({"name": call.name} if call.name else {})}
    place = {} if whole else {"index": call.index}
    return {**place, **({"id": call.id, "type": "function"} if call.id else {}), "function": function}


def _reason(usage: Usage, called: bool) -> str:
    """Return OpenAI's `finish_reason`."""
    return "length" if usage.reason == "length" else "tool_calls" if called else "stop"
